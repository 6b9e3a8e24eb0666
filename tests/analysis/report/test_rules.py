"""Ensembles that decide by a rule, beside runs that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from skin.analysis import metrics
from skin.analysis.report import wording
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.per_class import per_class_table
from skin.analysis.report.tables import comparison_table, fold_table, markdown
from skin.errors import SkinError
from skin.taxonomy import TASKS

MADE = {"method": "mean", "calibration": "vector", "rule": "prior"}
WEIGHTS = (1.0, 0.02, 0.6, 0.5, 0.1, 0.9, 0.8)


@pytest.fixture
def ruled(workspace):
    """Write an ensemble with a rule, and give what is read."""
    workspace.ensemble("main", skill=1.0, weights=WEIGHTS, made=MADE)
    (entry,) = collect([], *workspace.folders)
    return entry


def scores_of(entry):
    return compare([entry], resamples=20).best


def test_scores_decide_and_probabilities_rank(ruled):
    row, plain = scores_of(ruled), scores_of(replace(ruled, rule=None))

    assert ruled.rule == "prior"
    np.testing.assert_array_equal(ruled.scores, WEIGHTS * ruled.probabilities)
    decided = metrics.decide(ruled.scores)
    confusion = metrics.confusion_matrix(ruled.targets, decided, 7)
    np.testing.assert_array_equal(row.scores.confusion, confusion)
    assert row.scores.bacc != plain.scores.bacc
    assert row.scores.auc == plain.scores.auc
    assert row.scores.malignant_auc == plain.scores.malignant_auc


def test_folds_and_classes_are_decided_by_the_rule(ruled):
    result = compare([ruled], resamples=20)
    row = result.best

    assert sum(s.confusion for s in row.folds.values()).tolist() == row.scores.confusion.tolist()
    held = ruled.oof["fold"] == 1
    decided = metrics.decide(ruled.scores[held])
    assert fold_table(result).loc[1, "accuracy"] == np.mean(decided == ruled.targets[held])
    assert tuple(per_class_table(result)["recall"]) == row.scores.recall


def test_a_coarser_task_drops_the_rule(workspace, ruled):
    (coarse,) = collect([], *workspace.folders, scored_as=TASKS["malignant"])
    malignant = ruled.probabilities[:, [0, 2, 3]].sum(axis=1)

    row = scores_of(coarse)

    assert coarse.rule is None
    np.testing.assert_allclose(coarse.probabilities[:, 1], malignant)
    np.testing.assert_array_equal(coarse.scores, coarse.probabilities)
    assert row.scores.accuracy == np.mean((malignant > 0.5) == coarse.targets)
    assert row.scores.macro_auc == pytest.approx(scores_of(ruled).scores.malignant_auc)
    notes = " ".join(wording.notes(compare([coarse], resamples=20)))
    assert "argmax of the sums, without the decision rule" in notes
    assert "prior" not in notes


def test_the_rule_is_told(workspace, ruled):
    workspace.run("plain")
    result = compare(collect([], *workspace.folders), resamples=20)
    notes = " ".join(wording.notes(result))

    assert ruled.name == "main"
    assert {row.entry.name: row.marks for row in result.rows} == {
        "main": ("rule prior",),
        "plain": (),
    }
    assert "in rows marked with a rule" in notes
    assert "(main: prior)" in notes
    assert wording.decision(result) == "Plain argmax, but with a decision rule: main: prior."
    assert wording.decision(result) in wording.facts(result)
    assert "main (rule prior)" in markdown(result)
    rules = comparison_table(result).set_index("run")["rule"]
    assert rules.to_dict() == {"main": "prior", "plain": "argmax"}


def test_argmax_is_no_rule(workspace):
    weights = [1.0] * 7
    workspace.ensemble("main", weights=weights, made={**MADE, "rule": "argmax"})
    workspace.ensemble("bare")

    result = compare(collect([], *workspace.folders), resamples=20)

    assert [row.marks for row in result.rows] == [(), ()]
    assert "without any decision rule. An exact tie" in " ".join(wording.notes(result))
    assert wording.decision(result) == "Plain argmax."


def test_scores_without_a_recorded_rule(workspace):
    workspace.ensemble("main", weights=WEIGHTS)

    (entry,) = collect([], *workspace.folders)

    assert entry.rule == "not recorded"
    np.testing.assert_array_equal(entry.scores, WEIGHTS * entry.probabilities)


def test_a_rule_without_its_scores_is_refused(workspace):
    path = workspace.ensemble("main", made=MADE) / "oof.csv"

    with pytest.raises(SkinError, match="lacks the scores of the decision rule prior") as refused:
        collect([], *workspace.folders)
    assert str(path) in str(refused.value)


def test_some_scores_are_refused(workspace):
    path = workspace.ensemble("main", weights=WEIGHTS, made=MADE) / "oof.csv"
    pd.read_csv(path).drop(columns="score_DF").to_csv(path, index=False)

    with pytest.raises(SkinError, match="lacks the columns score_DF"):
        collect([], *workspace.folders)
