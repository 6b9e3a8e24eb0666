from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skin.analysis import blocks
from skin.analysis.probes.background import score
from skin.analysis.probes.hiding import CONDITIONS
from skin.analysis.probes.results import BackgroundResult
from skin.analysis.probes.store import Origin, png_path, write_result
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.context import Context
from skin.analysis.report.sections.background import section
from skin.files import sha256_file
from skin.taxonomy import TASKS

TASK = TASKS["isic2018"]


@pytest.fixture
def probe(workspace):
    """Write a run's result; `skill` is of images without the lesion, 0 is chance."""

    def write(name: str, skill: float) -> None:
        folder = workspace.root / "runs" / name
        weights = {}
        for fold in range(3):
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
        path.parent.mkdir()
        Image.fromarray(np.zeros((2 * 8, len(CONDITIONS) * 8, 3), np.uint8)).save(path)
        result = BackgroundResult(
            origin=Origin(run=name, dataset="toy", dataset_hash="x", weights=weights, seed=0),
            task=TASK.name,
            masks="masks.zip",
            masks_fingerprint="x",
            tta="none",
            device="cpu",
            images=240,
            lesions=180,
            left_out=2,
            resamples=100,
            chance=1 / 7,
            conditions=score(table, TASK, 1 / 7, resamples=100, seed=0),
            skin=(1, 2, 3),
            examples={"I1": "MEL", "I2": "NV"},
            examples_sha256=sha256_file(path),
        )
        write_result(folder, "background", result, table)

    return write


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


def test_a_background_that_predicts_is_warned_of(workspace, probe):
    workspace.run("a")
    workspace.run("b", skill=1)
    probe("a", 2)
    probe("b", 0)
    found = found_in(workspace)
    (warned,) = words(found, warning=True)
    assert warned.startswith("a predicts without the lesion, where chance is BACC 0.143")
    assert all(CONDITIONS[name].title.lower() in warned for name in ("background", "box", "rim"))
    assert found.finding.startswith("a predicts without the lesion: BACC 0.")
    table, areas = blocks.tables([found])
    assert [*table.heads] == [*areas.heads] == ["Shown", "a", "b"]
    tones = {line.head: [cell.tone for cell in line.cells] for line in table.lines}
    assert tones["Whole image"] == tones["Lesion only"] == ["plain", "plain"]
    assert tones["Background only"] == tones["Rim only"] == ["bad", "plain"]
    assert table.lines[-1].cells[0].text == "0.143"
    assert "keeps" in table.lines[2].cells[0].below
    assert "keeps" not in table.lines[0].cells[0].below
    assert len(table.frame) == 2 * len(CONDITIONS)
    assert {"bacc_low", "kept", "malignant_auc_high", "left_out"} <= {*table.frame}
    assert [plot.name for plot in blocks.plots([found])] == ["background", "background-malignant"]


def test_a_background_at_chance_is_not(workspace, probe):
    workspace.run("a")
    probe("a", 0)
    found = found_in(workspace)
    assert words(found, warning=True) == []
    assert "a is not above chance without the lesion: BACC 0." in found.finding
    assert any("is no proof that the background" in text for text in words(found, warning=False))


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


def test_a_picture_of_another_probe_is_not_shown(workspace, probe):
    workspace.run("a")
    probe("a", 0)
    path = png_path(workspace.root / "runs" / "a", "background")
    Image.new("RGB", (40, 16), "red").save(path)
    found = found_in(workspace)
    assert not [block for block in found.blocks if isinstance(block, blocks.Gallery)]
    assert list(blocks.tables([found]))
