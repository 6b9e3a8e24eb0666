from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skin.analysis.blocks import Table, Words
from skin.analysis.isic_areas import partial_auc
from skin.analysis.report.challenge_scores import challenge_figures, leader
from skin.analysis.report.collect import Entry, collect
from skin.analysis.report.compare import Comparison, compare
from skin.analysis.report.context import Context
from skin.analysis.report.sections import challenge
from skin.runs import OOF_KEYS, probability_columns
from skin.taxonomy import TASKS


@pytest.fixture
def comparison(workspace):
    """Compare all that the test wrote, after a change of the entries."""

    def make(change=lambda entry: entry, resamples=200, **options) -> Comparison:
        entries = [change(entry) for entry in collect([], *workspace.folders, **options)]
        return compare(entries, resamples=resamples)

    return make


def main_table(made) -> Table:
    return challenge.section(Context(made, None)).blocks[0]


def as_isic2017(entry: Entry) -> Entry:
    """Its melanomas, nevi and keratoses, as if the latter were seborrheic."""
    task, of_2018 = TASKS["isic2017"], {"MEL": "MEL", "SK": "BKL", "NV": "NV"}
    kept = entry.oof[entry.oof["target"].isin(of_2018.values())].reset_index(drop=True)
    oof = kept[list(OOF_KEYS)].replace({"target": {"BKL": "SK"}})
    shares = kept[[f"prob_{code}" for code in of_2018.values()]].to_numpy()
    oof[probability_columns(task)] = shares / shares.sum(axis=1, keepdims=True)
    return replace(entry, task=task, oof=oof)


def test_seven_classes_can_be_submitted_to_three_challenges(workspace, comparison):
    workspace.run("plain")
    made = comparison()
    entry, best = made.best.entry, made.best

    table = main_table(made)

    assert table.heads == ["Run", "isic2018 BACC", "isic2020 AUC", "isic2024 pAUC"]
    bacc, melanoma, malignant = (cell.value for cell in table.lines[0].cells)
    assert bacc == best.scores.bacc
    target = entry.oof["target"].to_numpy()
    assert melanoma == pytest.approx(roc_auc_score(target == "MEL", entry.oof["prob_MEL"]))
    codes = ["MEL", "BCC", "AKIEC"]
    summed = entry.oof[[f"prob_{code}" for code in codes]].sum(axis=1).to_numpy()
    assert malignant == pytest.approx(partial_auc(np.isin(target, codes), summed))


def test_intervals_are_of_resampled_lesions(workspace, comparison):
    workspace.run("plain")
    row = comparison().best

    bacc, melanoma, malignant = challenge_figures(row)

    assert bacc.interval == row.bootstrap.interval("bacc")
    for figure in (melanoma, malignant):
        assert figure.samples.shape == (200,)
        ends = np.quantile(figure.samples, [0.025, 0.975])
        assert [figure.interval.low, figure.interval.high] == pytest.approx(ends.tolist())
        assert figure.interval.low < figure.interval.value < figure.interval.high
    # Malignant against benign has been resampled before, on the same lesions.
    whole = comparison(scored_as=TASKS["melanoma"]).best
    (area,) = challenge_figures(whole)
    np.testing.assert_allclose(area.samples, whole.bootstrap.samples["malignant_auc"])


def test_isic2017_has_two_columns_and_their_mean(workspace, comparison):
    workspace.run("plain")
    made = comparison(as_isic2017)
    entry = made.best.entry

    table = main_table(made)

    columns = ["isic2017 AUC", "melanoma AUC", "seborrheic_keratosis AUC"]
    assert table.heads == ["Run", *columns, "isic2020 AUC", "isic2024 pAUC"]
    mean, melanoma, keratosis, same, _ = (cell.value for cell in table.lines[0].cells)
    assert mean == pytest.approx((melanoma + keratosis) / 2)
    assert same == melanoma
    assert keratosis == pytest.approx(
        roc_auc_score(entry.oof["target"] == "SK", entry.oof["prob_SK"])
    )
    frame = table.frame.set_index("column")
    assert frame.loc["melanoma", "value"] == melanoma
    assert frame["challenge"].tolist() == ["isic2017"] * 3 + ["isic2020", "isic2024"]


def test_the_best_is_set_off_only_where_it_is_told_apart(workspace, comparison):
    workspace.run("good", skill=4.0)
    workspace.run("bad", skill=0.5, seed=6)
    workspace.run("leaky", skill=9.0, leaking=True)

    table = main_table(comparison(resamples=400))

    tones = {line.head: {cell.tone for cell in line.cells} for line in table.lines}
    assert tones == {"good": {"good"}, "bad": {"plain"}, "leaky": {"plain"}}
    frame = table.frame
    assert set(frame["highest"]) == {"good"}
    assert frame.groupby("run")["best"].all().to_dict() == {
        "good": True,
        "bad": False,
        "leaky": False,
    }
    behind = frame[frame["run"] == "bad"]
    assert (behind["p_holm"] < 0.05).all()
    assert (behind["behind_low"] > 0).all()
    assert frame[frame["run"] != "bad"]["behind"].isna().all()


def test_twins_are_not_told_apart(workspace, comparison):
    workspace.run("one", skill=3.0)
    workspace.run("twin", skill=3.0, seed=5)
    workspace.run("bad", skill=0.5, seed=6)

    table = main_table(comparison(resamples=400))

    assert {cell.tone for line in table.lines for cell in line.cells} == {"plain"}
    assert not table.frame["best"].any()


def test_a_row_alone_is_not_the_best_of_any(workspace, comparison):
    workspace.run("alone", skill=9.0)
    made = comparison()
    figures = challenge_figures(made.best)
    assert not leader({"alone": figures[0]}).told_apart
    assert not main_table(made).frame["best"].any()


def test_a_rule_changes_the_decisions_and_no_area(workspace, comparison):
    workspace.run("plain", skill=2.0)
    workspace.ensemble("ruled", skill=2.0, seed=1, weights=(1, 1, 0.02, 1, 1, 1, 1))

    lines = {line.head: line.cells for line in main_table(comparison()).lines}

    pairs = zip(lines["plain"], lines["ruled"], strict=True)
    assert [ours.value == theirs.value for ours, theirs in pairs] == [False, True, True]


def test_the_column_of_unknown_lesions_is_said_to_be_missing(workspace, comparison):
    workspace.run("plain")

    def as_isic2019(entry: Entry) -> Entry:
        task = TASKS["isic2019"]
        oof = entry.oof.replace({"target": {"AKIEC": "AK"}}).rename(
            columns={"prob_AKIEC": "prob_AK"}
        )
        oof["prob_SCC"] = 0.0
        return replace(entry, task=task, oof=oof)

    made = challenge.section(Context(comparison(as_isic2019), None))

    assert made.blocks[0].heads[1] == "isic2019 BACC"
    (words,) = [block.text for block in made.blocks if isinstance(block, Words)]
    assert "column UNK of isic2019" in words


def test_what_is_undefined_has_no_score(workspace, comparison):
    workspace.run("plain")

    def only_benign(entry: Entry) -> Entry:
        oof = entry.oof[entry.oof["target"] == "NV"].reset_index(drop=True)
        return replace(entry, oof=oof)

    table = main_table(comparison(only_benign))

    assert [cell.text for cell in table.lines[0].cells][1:] == ["—", "—"]
    assert table.frame["value"].isna().tolist() == [False, True, True]
