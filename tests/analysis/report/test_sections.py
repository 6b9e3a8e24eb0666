"""The sections that follow from the out-of-fold predictions alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from skin.analysis import calibration as measures
from skin.analysis import drawing
from skin.analysis.blocks import Table, Words, plots, tables
from skin.analysis.isic_score import score_files
from skin.analysis.report import wording
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.context import Context
from skin.analysis.report.sections import (
    calibration,
    challenge,
    classes,
    confusion,
    costs,
    curves,
    leaderboard,
    malignancy,
    protocol,
    thresholds,
    training,
)
from skin.taxonomy import CHALLENGES, TASKS

MINE = (
    leaderboard,
    challenge,
    classes,
    curves,
    malignancy,
    confusion,
    calibration,
    thresholds,
    training,
    costs,
    protocol,
)


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Leave the figures empty; tests of their own draw them."""
    blank = b'<svg width="1pt" viewBox="0 0 1 1"></svg>'
    monkeypatch.setattr(drawing, "_draw", lambda *_, **__: blank)


@pytest.fixture
def context(workspace):
    """Compare all that the test wrote."""

    def make(**settings) -> Context:
        scored_as = settings.pop("scored_as", None)
        entries = collect([], *workspace.folders, scored_as=scored_as)
        return Context(compare(entries, resamples=50, **settings), None)

    return make


def table(section, name) -> Table:
    return next(one for one in tables([section]) if one.name == name)


def test_tables_are_even_and_their_files_hold_every_row(context, workspace):
    workspace.run("plain")
    workspace.ensemble("mean", skill=3.0)
    workspace.run("leaky", leaking=True)
    made = context()

    sections = [module.section(made) for module in MINE]

    names = [one.name for one in tables(sections)]
    assert len(names) == len(set(names))
    for one in tables(sections):
        assert len(one.frame) >= len(one.lines) - 1  # a mean is no row of the file
        assert {len(line.cells) for line in one.lines} == {len(one.heads) - 1}
    shown = [plot.name for plot in plots(sections)]
    assert len(shown) == len(set(shown))


def test_leaderboard_tells_certain_differences_by_their_tone(context, workspace):
    workspace.run("weak", skill=0.5)
    workspace.run("good", skill=4.0)
    workspace.run("twin", skill=4.0, seed=5)

    shown = table(leaderboard.section(context()), "leaderboard")

    tones = {line.head: line.cells[1].tone for line in shown.lines}
    best = shown.lines[0].head
    assert tones.pop(best) == "quiet"
    assert tones.pop("weak") == "bad"
    assert list(tones.values()) == ["plain"]
    assert [line.best for line in shown.lines] == [True, False, False]


def test_spread_of_one_run_and_of_one_fold(context, workspace):
    folder = workspace.run("plain")
    comparison = context().comparison
    values = [scores.bacc for scores in comparison.best.folds.values()]
    assert wording.spread(comparison) == (
        f"BACC {min(values):.3f} to {max(values):.3f} in single folds."
    )
    for fold in (1, 2):
        (folder / f"fold{fold}" / "metadata.json").unlink()
    assert wording.spread(context().comparison) == ""


def test_classes_name_the_weakest(context, workspace):
    workspace.run("plain")
    made = context()
    scores = made.comparison.best.scores
    weakest = int(np.argmin(scores.recall))

    section = classes.section(made)

    diagnosis = made.comparison.task.classes[weakest]
    assert f"({diagnosis.code}), recall {scores.recall[weakest]:.3f} (" in section.finding
    report = table(section, "classes-plain")
    assert [line.head for line in report.lines] == [*made.comparison.task.codes, "mean"]
    means = [cell.value for cell in report.lines[-1].cells]
    assert means[1] == pytest.approx(scores.bacc)
    assert means[4] == pytest.approx(scores.macro_auc)
    precision = report.frame.set_index("class")["average_precision"]
    assert means[5] == pytest.approx(precision.mean())
    assert report.frame["support"].tolist() == list(scores.support)


def test_confusion_adds_up_and_names_the_most_frequent(context, workspace):
    workspace.run("plain", skill=1.0)
    made = context()
    counts = made.comparison.best.scores.confusion

    section = confusion.section(made)

    frame = table(section, "confusion-plain").frame
    assert frame["count"].sum() == 240
    assert frame["count"].tolist() == counts.ravel().tolist()
    assert frame.groupby("true")["rate"].sum().tolist() == pytest.approx([1.0] * 7)
    wrong = frame[(frame["true"] != frame["decided"]) & (frame["decided"] != "tied")]
    worst = wrong.loc[wrong["rate"].idxmax()]
    names = {it.code: wording.lower(it.name) for it in made.comparison.task.classes}
    assert f"of {names[worst['true']]}, {100 * worst['rate']:.0f}" in section.finding
    assert section.finding.endswith(f"are called {names[worst['decided']]}.")


def test_confusion_differences_are_paired_and_coloured_where_certain(context, workspace):
    workspace.run("weak", skill=0.5)
    workspace.run("good", skill=5.0)

    section = confusion.section(context(baseline="weak"))

    change = table(section, "confusion-difference-good")
    frame = change.frame.set_index(["true", "decided"])
    ours, theirs = (
        table(section, f"confusion-{name}").frame.set_index(["true", "decided"])["rate"]
        for name in ("good", "weak")
    )
    pd.testing.assert_series_equal(frame["rate_difference"], ours - theirs, check_names=False)
    assert (frame["low"] <= frame["high"]).all()
    for line in change.lines:
        for code, cell in zip(change.heads[1:], line.cells, strict=True):
            low, high = frame.loc[(line.head, code), ["low", "high"]]
            sure = low > 0 or high < 0
            assert (cell.tone in {"good", "bad"}) == (sure and cell.text != "·")
            if cell.tone == "good":
                assert (cell.value > 0) == (line.head == code)


def test_perfect_decisions_leave_no_confusion_to_name(context, workspace):
    workspace.run("perfect", skill=60.0)

    assert confusion.section(context()).finding == ""


def test_official_figures_are_those_of_a_submission(context, workspace, tmp_path):
    workspace.ensemble("ruled", weights=(1, 0.02, 0.6, 0.5, 0.1, 0.9, 0.8), skill=1.0)
    made = context()
    entry = made.comparison.best.entry
    codes = list(entry.task.codes)
    images = entry.oof["image_id"].rename("image")
    truth = pd.DataFrame(np.eye(7)[entry.targets], images, codes)
    values = pd.DataFrame(entry.scores, images, codes)
    for name, frame in (("truth", truth), ("values", values)):
        frame.to_csv(tmp_path / f"{name}.csv")
    official = score_files(tmp_path / "values.csv", tmp_path / "truth.csv", CHALLENGES["isic2018"])

    section = thresholds.section(made)

    (row,) = table(section, "official").frame.to_dict("records")
    assert row["balanced_accuracy_argmax"] == pytest.approx(official.balanced_accuracy)
    assert row["balanced_accuracy_argmax"] == pytest.approx(made.comparison.best.scores.bacc)
    for figure, value in official.macro.items():
        assert row[f"{figure}_mean"] == pytest.approx(value)
    frame = table(section, "official-ruled").frame.set_index("class")
    pd.testing.assert_frame_equal(frame, official.per_class, check_names=False)
    assert "decision rule" in section.intro


def test_calibration_has_the_figures_of_measure(context, workspace):
    workspace.run("plain")
    made = context()
    entry = made.comparison.best.entry
    expected = measures.measure(entry.targets, entry.probabilities, entry.task)

    section = calibration.section(made)

    (row,) = table(section, "calibration").frame.to_dict("records")
    for name in ("log_loss", "brier", "ece", "class_ece"):
        assert row[name] == pytest.approx(getattr(expected, name))
    assert row["log_loss_low"] < row["log_loss"] < row["log_loss_high"]
    assert row["ece_MEL"] == pytest.approx(expected.class_eces[0])
    assert f"ECE {expected.ece:.3f}." in section.finding


def test_what_is_no_distribution_is_not_calibrated(context, workspace):
    folder = workspace.ensemble("halves")
    oof = pd.read_csv(folder / "oof.csv")
    shares = [column for column in oof if column.startswith("prob_")]
    oof[shares] /= 2
    oof.to_csv(folder / "oof.csv", index=False)

    (words,) = calibration.section(context()).blocks

    assert isinstance(words, Words)
    assert words.warning
    assert "halves" in words.text


def test_malignancy_of_a_binary_task(context, workspace):
    workspace.run("plain")

    section = malignancy.section(context(scored_as=TASKS["malignant"]))

    (row,) = table(section, "malignancy").frame.to_dict("records")
    assert row["auc_low"] < row["auc"] < row["auc_high"]
    assert row["sensitivity_at_specificity_0.90"] <= row["sensitivity_at_specificity_0.80"]
    assert "of the malignant images at specificity 0.90" in section.finding


def test_sections_with_nothing_to_say(workspace):
    workspace.ensemble("mean")
    (entry,) = collect([], *workspace.folders)
    nevi = replace(entry, oof=entry.oof[entry.oof["target"] == "NV"])

    made = Context(compare([nevi], resamples=20), None)

    assert training.section(made) is None
    assert curves.section(made) is None
    assert malignancy.section(made) is None
    for module in (leaderboard, classes, confusion, calibration, thresholds, costs, protocol):
        assert module.section(made) is not None


def test_costs_tell_what_is_recorded(context, workspace):
    hardware = {"cpu": "Some CPU", "threads": 2, "memory_gib": 8}
    workspace.run("cpu", precision="fp32", hardware=hardware, seconds=60.0)
    workspace.run("gpu", precision="bf16", hardware={**hardware, "gpu": "Some GPU"})
    workspace.ensemble("mean")

    shown = table(costs.section(context()), "costs")

    cells = {line.head: [cell.text for cell in line.cells] for line in shown.lines}
    assert cells["cpu"][2:] == [
        "6",
        "3 min 00 s",
        "1 min 00 s",
        "fp32",
        "Some CPU, 2 threads",
    ]
    assert cells["gpu"][-2:] == ["bf16", "Some GPU"]
    assert set(cells["mean"]) == {"—"}


def test_protocol_says_what_is_inflated(context, workspace):
    workspace.run("plain", folds_name="k3-seed0", chosen_on_held_out=False)
    workspace.run("leaky", leaking=True)

    section = protocol.section(context())

    cells = {line.head: line.cells for line in table(section, "protocol").lines}
    assert [cell.text for cell in cells["plain"][:3]] == ["240", "180", "3"]
    assert cells["plain"][2].below == "k3-seed0"
    assert (cells["plain"][3].text, cells["leaky"][3].text) == ("no", "yes")
    assert cells["leaky"][3].tone == "bad"
    assert (cells["plain"][4].text, cells["leaky"][4].text) == ("images apart", "the scored images")
    assert "leaky" in section.finding
    counts = table(section, "class-counts").frame
    assert (counts["images"].sum(), counts["lesions"].sum()) == (240, 180)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_confusion_differences_leave_out_a_class_without_images(context, workspace):
    workspace.run("a")
    workspace.run("b", skill=4.0, seed=3)
    made = context()
    entries = [
        replace(row.entry, oof=row.entry.oof[row.entry.oof["target"] != "DF"])
        for row in made.comparison.rows
    ]
    section = confusion.section(replace(made, comparison=compare(entries, resamples=50)))

    change = table(section, "confusion-difference-a").frame.set_index("true")
    assert change.loc["DF"].drop(columns="decided").isna().all(axis=None)
    assert change.drop(index="DF").notna().all(axis=None)
