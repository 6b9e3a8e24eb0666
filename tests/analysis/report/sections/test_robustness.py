from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.analysis import blocks
from skin.analysis.drawing import Picture
from skin.analysis.probes.results import DECIDED, Settings
from skin.analysis.probes.robustness import summarise
from skin.analysis.probes.severities import CORRUPTIONS
from skin.analysis.probes.store import Origin, csv_path, json_path, write_result
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.context import Context
from skin.analysis.report.sections import robustness
from skin.analysis.report.sections.robustness import section
from skin.files import sha256_file
from skin.taxonomy import TASKS

TASK = TASKS["isic2018"]


@pytest.fixture
def probe(workspace):
    """Write a run's result: how often it is wrong grows with severity."""

    def write(name: str, wrong: float, **changes: object) -> Path:
        folder = workspace.root / "runs" / name
        weights = {}
        for fold in range(changes.pop("folds", 3)):
            path = folder / f"fold{fold}" / "best.safetensors"
            path.write_text(f"{name} {fold}")
            weights[fold] = sha256_file(path)
        table = workspace.truth().sort_values("image_id", ignore_index=True)
        rng = np.random.default_rng(0)
        codes = np.array(TASK.codes)
        target = table["target"].map({code: i for i, code in enumerate(codes)}).to_numpy()
        luck = rng.random(len(table))
        for columns in DECIDED.values():
            for severity, column in enumerate(columns, start=len(columns) > 1):
                off = luck < 0.1 + wrong * severity
                table[column] = codes[np.where(off, (target + 1) % 7, target)]
        origin = Origin(
            run=name, dataset="toy", dataset_hash="x", weights=weights, seed=changes.pop("seed", 0)
        )
        settings = Settings.of("none", "cpu", table["image_id"]).model_copy(update=changes)
        result = summarise(table, TASK, origin, settings, resamples=100)
        write_result(folder, "robustness", result, table)
        return folder

    return write


@pytest.fixture
def without_figure(monkeypatch):
    """Drawing takes longer than all else, and one test looks at it."""
    picture = Picture(b"", b"", "")
    monkeypatch.setattr(robustness, "severity_curves", lambda _: picture)


def context(workspace, **options) -> Context:
    entries = collect([], *workspace.folders)
    return Context(compare(entries, resamples=100, **options), None, resamples=200)


def named(found, name):
    return next(table for table in blocks.tables([found]) if table.name == name)


def words(found) -> str:
    return " ".join(block.text for block in found.blocks if isinstance(block, blocks.Words))


def test_ensembles_alone_have_nothing_to_probe(workspace):
    workspace.ensemble("both")
    assert section(context(workspace)) is None


def test_without_a_probe_the_command_is_named(workspace):
    workspace.run("a")
    workspace.run("b", seed=2)
    found = section(context(workspace))
    assert "Not probed yet: " in words(found)
    assert "`skin probe robustness " in words(found)
    assert found.finding == ""
    assert not list(blocks.tables([found]))


def test_the_tables_have_the_figures_of_the_results(workspace, probe):
    workspace.run("a", skill=3)
    workspace.run("b", skill=2, seed=2)
    probe("a", 0.15)
    probe("b", 0.05)
    found = section(context(workspace))
    table = named(found, "robustness")
    assert [line.head for line in table.lines] == ["a", "b"]
    known = json.loads(json_path(workspace.root / "runs" / "a", "robustness").read_text())
    shown = [cell.value for cell in table.lines[0].cells]
    assert shown[0] == known["clean"]["value"]
    assert shown[1:3] == [known["by_severity"][i]["bacc"]["value"] for i in (2, 4)]
    assert shown[3] == known["overall"]["bacc"]["value"]
    assert shown[5] == pytest.approx(1 - shown[3] / shown[0])
    ours = table.frame[(table.frame["run"] == "a") & (table.frame["corruption"] == "hair")]
    assert ours["severity"].tolist() == [1, 2, 3, 4, 5, "all"]
    third = named(found, "robustness-severity-3")
    assert [line.head for line in third.lines] == [one.title for one in CORRUPTIONS.values()]
    assert third.lines[0].cells[0].text == "radius 1.50\N{NO-BREAK SPACE}% of the side"
    assert set(third.frame["severity"]) == {3}
    assert "a on corrupted images: BACC 0." in found.finding
    (plot,) = blocks.plots([found])
    assert plot.picture.alt.endswith("a line a run: a, b.")
    assert all(one.title in plot.picture.light.decode() for one in CORRUPTIONS.values())
    assert words(found) == ""


@pytest.mark.usefixtures("without_figure")
def test_a_run_is_compared_with_the_reference_on_the_same_images(workspace, probe):
    for i, (name, wrong) in enumerate((("a", 0.15), ("b", 0.05), ("c", 0.15))):
        workspace.run(name, skill=4 - i, seed=i)
        probe(name, wrong)
    table = named(section(context(workspace)), "robustness")
    assert list(table.heads[-2:]) == ["To a", "p (Holm)"]
    a, b, c = (line.cells[-2:] for line in table.lines)
    assert [cell.text for cell in a] == ["\N{EM DASH}"] * 2
    assert b[0].tone == "good"
    assert b[0].value == pytest.approx(
        table.lines[1].cells[3].value - table.lines[0].cells[3].value
    )
    assert b[1].value == pytest.approx(2 * 2 / 201)  # the smallest p of 200 resamples, of 2 tests
    assert (c[0].value, c[0].tone, c[1].value) == (0, "plain", 1)


@pytest.mark.usefixtures("without_figure")
def test_other_draws_are_not_compared(workspace, probe):
    for i, name in enumerate("ab"):
        workspace.run(name, skill=4 - i, seed=i)
        probe(name, 0.1, seed=i)
    found = section(context(workspace))
    table = named(found, "robustness")
    assert "p (Holm)" not in table.heads
    assert [line.marks for line in table.lines] == [(), ("other draws",)]
    (plot,) = blocks.plots([found])
    assert "Not all runs were probed on the same images with the same draws" in plot.caption


@pytest.mark.usefixtures("without_figure")
def test_stale_results_are_not_shown(workspace, probe):
    for i, name in enumerate("abcd"):
        workspace.run(name, skill=4 - i, seed=i)
        folder = probe(name, 0.1)
        if name == "b":
            (folder / "fold2" / "best.safetensors").write_text("trained anew")
        if name == "d":
            json_path(folder, "robustness").write_text("{}")
    probe("c", 0.1, levels={"noise": (0.1, 0.2, 0.3, 0.4, 0.5)})
    workspace.run("e", skill=0.5)
    probe("e", 0.1, version=0)
    found = section(context(workspace))
    assert [line.head for line in named(found, "robustness").lines] == ["a"]
    assert "b: its result is stale: fold 2 has other weights since." in words(found)
    assert "c: its result is stale: it is of other corruptions." in words(found)
    assert "e: its result is stale: it is of other corruptions." in words(found)
    assert "d: " in words(found)
    assert "is not a result of this version" in words(found)
    assert "`skin probe robustness b c d e`" in words(found)


@pytest.mark.usefixtures("without_figure")
def test_a_table_that_is_not_the_results_own_is_stale(workspace, probe):
    for i, name in enumerate("ab"):
        workspace.run(name, skill=4 - i, seed=i)
        probe(name, 0.1)
    path = csv_path(workspace.root / "runs" / "b", "robustness")
    pd.read_csv(path).iloc[1:].to_csv(path, index=False)
    found = section(context(workspace))
    assert [line.head for line in named(found, "robustness").lines] == ["a"]
    assert "is not the table that" in words(found)


@pytest.mark.usefixtures("without_figure")
def test_views_that_were_averaged_are_marked(workspace, probe):
    workspace.run("a")
    probe("a", 0.1, tta="dihedral")
    (line,) = named(section(context(workspace)), "robustness").lines
    assert line.marks == ("TTA dihedral",)


@pytest.mark.usefixtures("without_figure")
def test_other_images_and_some_folds_alone_are_marked(workspace, probe):
    for i, name in enumerate("abc"):
        workspace.run(name, skill=4 - i, seed=i)
    probe("a", 0.1)
    probe("b", 0.1, images_sha256="other")
    probe("c", 0.1, folds=2)
    lines = named(section(context(workspace)), "robustness").lines
    assert [line.marks for line in lines] == [(), ("other images probed",), ("2 of 3 folds",)]


@pytest.mark.usefixtures("without_figure")
@pytest.mark.parametrize("leaking", [False, True])
def test_a_leaking_run_is_not_said_to_be_unseen(workspace, probe, leaking):
    workspace.run("a", leaking=leaking)
    probe("a", 0.1)
    intro = section(context(workspace)).intro
    assert ("the model that never saw its lesion" in intro) == (not leaking)
    assert ("leaking runs (a) may have been trained on other images" in intro) == leaking
