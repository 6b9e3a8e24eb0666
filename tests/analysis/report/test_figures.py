from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from skin.analysis.calibration import measure
from skin.analysis.drawing import LIGHT
from skin.analysis.report import figures, learning, reliability, roc
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare


def comparison(workspace, **settings):
    return compare(collect([], *workspace.folders), resamples=20, **settings)


def texts(picture) -> str:
    return picture.light.decode()


def test_scores_of_many_runs_are_those_of_the_best(workspace, monkeypatch):
    monkeypatch.setattr(figures, "FIRST", 2)
    for name, skill in (("low", 0.5), ("middle", 2.0), ("high", 4.0)):
        workspace.run(name, skill)

    svg = texts(figures.scores_figure(comparison(workspace)))

    assert ">high</text>" in svg
    assert "of the 2 best" in svg
    assert ">low</text>" not in svg


def test_differences_are_to_the_reference(workspace):
    workspace.run("a", 1.0)
    assert figures.differences_figure(comparison(workspace)) is None
    workspace.run("b", 3.0)

    svg = texts(figures.differences_figure(comparison(workspace, baseline="a")))

    assert "Difference in BACC to a, paired" in svg
    assert ">b</text>" in svg
    assert ">a</text>" not in svg


def test_every_fold_is_a_dot(workspace):
    workspace.run("a")
    folder = workspace.run("part")
    (folder / "fold1" / "metadata.json").unlink()

    svg = texts(figures.folds_figure(comparison(workspace)))

    for fold, dots in enumerate((2, 1, 2)):
        color = f"fill: {LIGHT.folds[fold]}"
        drawn = [line for line in svg.splitlines() if "<use" in line and color in line]
        assert len(drawn) == dots + 1  # and one in the legend


@pytest.mark.parametrize(("kind", "area"), [("roc", "AUC"), ("pr", "average precision")])
def test_many_runs_share_one_figure_of_the_best(workspace, kind, area):
    for number in range(8):
        workspace.run(f"run{number}", skill=number / 2, seed=number)

    svg = texts(roc.malignancy_figure(comparison(workspace), kind))

    assert "the 7 best by BACC" in svg
    assert area in svg
    assert "run7" in svg
    assert "run0" not in svg


def test_classes_that_do_not_occur_have_no_curve(workspace):
    workspace.run("plain")
    (entry,) = collect([], *workspace.folders)
    nevi = entry.oof["target"].isin(["NV", "BKL"])

    result = compare([replace(entry, oof=entry.oof[nevi])], resamples=20)
    for kind in roc.KINDS:
        rows = texts(roc.row_figure(result.best, kind))
        panels = texts(roc.classes_figure(result, kind))
        for svg in (rows, panels):
            assert [code for code in entry.task.codes if f">{code} " in svg] == ["NV", "BKL"]

    result = compare([replace(entry, oof=entry.oof[entry.oof["target"] == "NV"])], resamples=20)
    for kind in roc.KINDS:
        assert roc.row_figure(result.best, kind) is None
        assert roc.malignancy_figure(result, kind) is None
        assert roc.classes_figure(result, kind) is None


def test_recall_of_the_best_beside_another(workspace):
    workspace.run("a", 1.0)
    workspace.run("b", 3.0)
    best, other = comparison(workspace).rows

    assert ">a</text>" in texts(figures.recall_figure(best, other))
    assert ">a</text>" not in texts(figures.recall_figure(best, None))


def test_cost_needs_two_times(workspace):
    workspace.run("a", 1.0)
    workspace.ensemble("unknown")
    assert figures.cost_figure(comparison(workspace)) is None
    workspace.ensemble("known", seconds=7200.0)

    svg = texts(figures.cost_figure(comparison(workspace)))

    assert ">known</text>" in svg
    assert ">unknown</text>" not in svg
    assert ">1 h</text>" in svg


def test_reliability_has_a_panel_a_row(workspace):
    workspace.run("a", 1.0)
    rows = comparison(workspace).rows
    measured = measure(rows[0].entry.targets, rows[0].entry.probabilities, rows[0].entry.task)
    svg = texts(reliability.diagrams(["a", "b"], [measured] * 2))

    assert svg.count(f"ECE {measured.ece:.3f}") == 2


def test_learning_curves_mark_where_all_layers_train(workspace):
    path = workspace.run("plain")
    (entry,) = collect([], *workspace.folders)
    bacc, loss = (texts(picture) for picture in learning.figures(entry, (0.2, 0.7)))

    for svg in (bacc, loss):
        assert "all layers train from the dotted line on" in svg
        assert svg.count(">fold ") == 3
    for fold in range(3):
        history = path / f"fold{fold}" / "history.csv"
        pd.read_csv(history).assign(stage="all").to_csv(history, index=False)
    (entry,) = collect([], *workspace.folders)
    assert "dotted line on" not in texts(learning.figures(entry, (0.5, 0.5))[0])


def test_class_counts():
    counts = pd.DataFrame({"class": ["MEL", "NV"], "images": [0, 1234], "lesions": [0, 1000]})

    svg = texts(figures.counts_figure(counts))

    assert "1,234</text>" in svg
