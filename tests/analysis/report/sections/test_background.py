from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skin.analysis import blocks
from skin.analysis.drawing import Picture
from skin.analysis.probes.background import score
from skin.analysis.probes.hiding import CONDITIONS
from skin.analysis.probes.results import BackgroundResult, HidingSettings
from skin.analysis.probes.store import Origin, json_path, png_path, write_result
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.context import Context
from skin.analysis.report.sections import background
from skin.analysis.report.sections.background import section
from skin.files import sha256_file
from skin.taxonomy import TASKS

TASK = TASKS["isic2018"]


@pytest.fixture
def probe(workspace):
    """Write a run's result; `skill` is of images without the lesion, 0 is chance."""

    def write(
        name: str,
        skill: float,
        folds: tuple[int, ...] = (0, 1, 2),
        settings: HidingSettings | None = None,
        **changes: object,
    ) -> None:
        folder = workspace.root / "runs" / name
        weights = {}
        for fold in folds:
            path = folder / f"fold{fold}" / "best.safetensors"
            path.write_text(f"{name} {fold}")
            weights[fold] = sha256_file(path)
        tables = [
            workspace.predictions(skill if CONDITIONS[condition].background else 3, seed=i).assign(
                condition=condition
            )
            for i, condition in enumerate(CONDITIONS)
        ]
        table = pd.concat(tables, ignore_index=True)
        path = png_path(folder, "background")
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros((2 * 8, len(CONDITIONS) * 8, 3), np.uint8)).save(path)
        result = BackgroundResult(
            origin=Origin(run=name, dataset="toy", dataset_hash="x", weights=weights, seed=0),
            task=TASK.name,
            masks="masks.zip",
            settings=settings or HidingSettings.of("none", "cpu", ["I1"], [b"mask"]),
            images=238,
            lesions=180,
            left_out=2,
            resamples=300,
            chance=1 / 7,
            conditions=score(table, TASK, 1 / 7, resamples=300, seed=0),
            skin=(1, 2, 3),
            examples={"I1": "MEL", "I2": "NV"},
            examples_sha256=sha256_file(path),
        ).model_copy(update=changes)
        write_result(folder, "background", result, table)

    return write


@pytest.fixture
def without_figure(monkeypatch):
    """Drawing takes longer than all else, and one test looks at it."""
    monkeypatch.setattr(background, "draw", lambda *_: Picture(b"", b"", ""))


def found_in(workspace):
    return section(Context(compare(collect([], *workspace.folders), resamples=50), None))


def words(found, *, warning: bool) -> list[str]:
    return [
        block.text
        for block in found.blocks
        if isinstance(block, blocks.Words) and block.warning == warning
    ]


def test_without_a_probe_the_command_is_named(workspace):
    workspace.run("a")
    found = found_in(workspace)
    assert words(found, warning=False) == [
        "Not probed yet: a. `skin probe background a --masks SOURCE` measures this."
    ]
    assert found.finding == ""


def test_a_command_is_quoted_and_leaves_out_leaking_runs(workspace):
    workspace.run("a & b")
    workspace.run("loose", leaking=True)
    (text,) = words(found_in(workspace), warning=False)
    assert "loose" in text
    assert "`skin probe background 'a & b' --masks SOURCE` measures this." in text


def test_no_command_for_leaking_runs_alone(workspace):
    workspace.run("loose", leaking=True)
    assert words(found_in(workspace), warning=False) == ["Not probed yet: loose."]


def test_a_background_that_predicts_is_warned_of(workspace, probe):
    workspace.run("a")
    workspace.run("b", skill=1)
    probe("a", 2)
    probe("b", 0)
    found = found_in(workspace)
    (warned,) = words(found, warning=True)
    assert warned.startswith("a predicts without the lesion, where chance is BACC 0.143")
    assert all(CONDITIONS[name].title.lower() in warned for name in ("background", "box", "rim"))
    assert found.finding.startswith("a predicts without the lesion: background only, BACC 0.")
    assert "rim only, BACC 0." in found.finding
    table, areas = blocks.tables([found])
    assert [*table.heads] == [*areas.heads] == ["Shown", "a", "b"]
    tones = {line.head: [cell.tone for cell in line.cells] for line in table.lines}
    assert tones["Whole image"] == tones["Lesion only"] == ["plain", "plain"]
    assert tones["Background only"] == tones["Rim only"] == ["bad", "plain"]
    lines = {line.head: line.cells[0] for line in table.lines}
    assert lines["Chance"].text == "0.143"
    assert (lines["Images"].text, lines["Images"].below) == (
        "238",
        "of 180 lesions; 2 left out for their masks",
    )
    assert "Marks" not in lines
    assert "keeps" in table.lines[2].cells[0].below
    assert "keeps" not in table.lines[0].cells[0].below
    assert len(table.frame) == 2 * len(CONDITIONS)
    assert {"bacc_low", "kept", "bacc_p_holm", "left_out", "tta", "folds"} <= {*table.frame}
    assert {"malignant_auc_high", "malignant_auc_p_holm"} <= {*areas.frame}
    assert not {"bacc", "bacc_p_holm", "kept_low"} & {*areas.frame}
    assert "not the leaderboard's" not in areas.caption  # all images of the folds
    assert [plot.name for plot in blocks.plots([found])] == ["background", "background-malignant"]


@pytest.mark.usefixtures("without_figure")
def test_a_background_at_chance_is_not(workspace, probe):
    workspace.run("a")
    probe("a", 0)
    found = found_in(workspace)
    assert words(found, warning=True) == []
    assert found.finding.startswith("a is not shown to predict without the lesion: BACC 0.")
    assert "malignant AUC 0." in found.finding
    assert any("is no proof that the background" in text for text in words(found, warning=False))


@pytest.mark.usefixtures("without_figure")
def test_what_was_shown_is_seen(workspace, probe):
    workspace.run("a")
    probe("a", 0)
    (gallery,) = (
        block for block in found_in(workspace).blocks if isinstance(block, blocks.Gallery)
    )
    assert [strip.head for strip in gallery.strips] == ["MEL", "NV"]
    assert [len(strip.photos) for strip in gallery.strips] == [len(CONDITIONS)] * 2
    assert "I1, MEL: rim only" in gallery.strips[0].photos[-1].alt


def test_a_stale_result_is_not_shown(workspace, probe):
    workspace.run("a")
    probe("a", 2)
    (workspace.root / "runs" / "a" / "fold0" / "best.safetensors").write_text("trained anew")
    found = found_in(workspace)
    assert not list(blocks.tables([found]))
    (text,) = words(found, warning=True)
    assert text == (
        "a: its result is stale: fold 0 has other weights since. "
        "`skin probe background a --masks SOURCE` measures this."
    )


@pytest.mark.usefixtures("without_figure")
def test_a_picture_of_another_probe_is_not_shown(workspace, probe):
    workspace.run("a")
    probe("a", 0)
    path = png_path(workspace.root / "runs" / "a", "background")
    Image.new("RGB", (40, 16), "red").save(path)
    found = found_in(workspace)
    assert not [block for block in found.blocks if isinstance(block, blocks.Gallery)]
    assert list(blocks.tables([found]))


@pytest.mark.usefixtures("without_figure")
def test_the_finding_says_what_the_warning_says(workspace, probe):
    """Where malignancy alone is told, the finding names it and is no denial."""
    workspace.run("a")
    probe("a", 0)
    path = json_path(workspace.root / "runs" / "a", "background")
    known = json.loads(path.read_text())
    rim = known["conditions"]["rim"]
    rim["malignant_auc"], rim["malignant_auc_p"] = {"value": 0.6, "low": 0.55, "high": 0.65}, 0.01
    path.write_text(json.dumps(known))
    found = found_in(workspace)
    (warned,) = words(found, warning=True)
    assert warned.endswith("; rim only: malignant AUC 0.600 (0.550 to 0.650).")
    assert found.finding.endswith("rim only, malignant AUC 0.600 (0.550 to 0.650), chance 0.500.")
    assert found.finding.startswith("a predicts without the lesion")
    areas = next(table for table in blocks.tables([found]) if table.name == "background-malignant")
    assert [line.cells[0].tone for line in areas.lines[2:5]] == ["plain", "plain", "bad"]


@pytest.mark.usefixtures("without_figure")
def test_what_cannot_be_compared_is_marked(workspace, probe):
    settings = {
        "a": HidingSettings.of("none", "cpu", ["I1"], [b"mask"]),
        "b": HidingSettings.of("dihedral", "cpu", ["I1"], [b"other"]),
        "c": HidingSettings.of("none", "cpu", ["I2"], [b"mask"]),
    }
    for i, name in enumerate("abc"):
        workspace.run(name, skill=4 - i, seed=i)
    probe("a", 0, settings=settings["a"])
    probe("b", 0, settings=settings["b"])
    probe("c", 0, folds=(0, 1), settings=settings["c"], images=50)
    found = found_in(workspace)
    table, areas = blocks.tables([found])
    (marks,) = (line for line in table.lines if line.head == "Marks")
    assert [cell.text for cell in marks.cells] == [
        "\N{EM DASH}",
        "TTA dihedral, other masks, other views",
        "2 of 3 folds, other images probed",
    ]
    assert any("cannot be compared with each other" in text for text in words(found, warning=False))
    assert "not the leaderboard's" in areas.caption


def test_a_line_at_chance_is_of_all_runs_or_there_is_none(workspace, probe, monkeypatch):
    drawn = []
    monkeypatch.setattr(background, "_picture", lambda *given: drawn.append(given[-1]))
    for i, name in enumerate("ab"):
        workspace.run(name, skill=4 - i, seed=i)
        probe(name, 0)
    found_in(workspace)
    probe("b", 0, chance=1 / 6)
    found_in(workspace)
    assert drawn == [1 / 7, 0.5, None, 0.5]


@pytest.mark.usefixtures("without_figure")
@pytest.mark.parametrize("leaking", [False, True])
def test_a_leaking_run_is_not_said_to_be_unseen(workspace, probe, leaking):
    workspace.run("a", leaking=leaking)
    probe("a", 0)
    intro = found_in(workspace).intro
    assert ("the model that never saw its lesion" in intro) == (not leaking)
    assert ("leaking runs (a) may have been trained on other images" in intro) == leaking


def test_what_was_hidden_otherwise_is_stale(workspace, probe):
    workspace.run("a")
    settings = HidingSettings.of("none", "cpu", ["I1"], [b"mask"])
    probe("a", 0, settings=settings.model_copy(update={"version": 0}))
    (text,) = words(found_in(workspace), warning=True)
    assert text.startswith("a: its result is stale: it is of other conditions.")
