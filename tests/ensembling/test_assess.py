from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from skin.ensembling.assess import Assessor
from skin.ensembling.assessment import Assessment
from skin.ensembling.combine import METHODS
from skin.ensembling.decide import parse_rule
from skin.ensembling.nested import combine_nested, judge
from skin.ensembling.oof import OutOfFold
from skin.ensembling.pipeline import DecisionPlan
from skin.taxonomy import get_task

Simulate = Callable[..., OutOfFold]
TASK = get_task("isic2018")


def assess(oof: OutOfFold, rule: str = "prior", **changes: object) -> Assessment:
    methods = [combine_nested(oof, METHODS[name]) for name in ("mean", "weights-logloss")]
    plan = DecisionPlan("vector", parse_rule(rule, oof.task))
    assessor = replace(Assessor(oof, plan, tta="none", resamples=100), **changes)  # type: ignore[arg-type]
    return assessor.assess(methods, methods[1], judge(methods[1], oof, plan), "weights-logloss")


def test_runs_and_methods_are_ranked_and_compared_with_the_best_run(simulate: Simulate):
    lines = assess(simulate((1.0, 3.0, 2.0))).lines
    values = [line.bootstrap.scores.bacc for line in lines]
    assert values == sorted(values, reverse=True)
    assert {line.name for line in lines if line.kind == "run"} == {"run0", "run1", "run2"}
    assert [line.name for line in lines if line.chosen] == ["weights-logloss"]
    (best,) = [line for line in lines if line.difference is None]
    assert best.name == "run1"
    for line in lines:
        if line is not best:
            expected = line.bootstrap.scores.bacc - best.bootstrap.scores.bacc
            assert line.difference.value == pytest.approx(expected)


def test_the_way_has_a_row_for_each_step_and_its_gain(simulate: Simulate):
    oof = simulate((1.0, 3.0, 2.0))
    single = oof.log_probabilities[1] * 0.5
    steps = assess(oof, tta="dihedral", single_view=single).steps
    assert [step.title for step in steps] == [
        "run1, one view",
        "test-time augmentation: dihedral",
        "run2 joins the mean",
        "run0 joins the mean",
        "calibration: vector",
        "decision rule: prior",
        "weights-logloss instead of the mean",
    ]
    assert steps[0].gain is None
    for before, step in pairwise(steps):
        difference = step.bootstrap.scores.bacc - before.bootstrap.scores.bacc
        assert step.gain.value == pytest.approx(difference)


def test_one_run_without_a_fit_has_one_step(simulate: Simulate):
    oof = simulate((2.0,))
    mean = combine_nested(oof, METHODS["mean"])
    plan = DecisionPlan("none", parse_rule("argmax", TASK))
    assessment = Assessor(oof, plan, tta="none", resamples=100).assess(
        [mean], mean, judge(mean, oof, plan), "mean"
    )
    assert [step.title for step in assessment.steps] == ["run0"]
    assert assessment.correlation.tolist() == [[1.0]]


def test_runs_that_err_alike(simulate: Simulate):
    oof = simulate((2.0, 2.0))
    values = oof.log_probabilities
    oof = replace(
        oof, names=("a", "same", "b"), log_probabilities=np.stack([values[0], values[0], values[1]])
    )
    assessment = assess(oof)
    np.testing.assert_allclose(np.diag(assessment.correlation), 1)
    assert assessment.correlation[0, 1] == pytest.approx(1)
    assert abs(assessment.correlation[0, 2]) < 0.2
    assert assessment.disagreement[0, 1] == 0
    decided = values.argmax(axis=2)
    assert assessment.disagreement[0, 2] == np.mean(decided[0] != decided[1])


def test_growth_begins_with_the_best_run(simulate: Simulate):
    growth = assess(simulate((1.0, 3.0, 2.0))).growth
    assert [one.name for one in growth] == ["run1", "run2", "run0"]


def test_calibrations_and_rules_are_all_there(simulate: Simulate):
    assessment = assess(simulate(), rule="sensitivity:MEL=0.8")
    assert [(line.name, line.chosen) for line in assessment.calibrations] == [
        ("none", False),
        ("temperature", False),
        ("vector", True),
        ("isotonic", False),
    ]
    names = [line.name for line in assessment.rules]
    assert names[:5] == ["argmax, not calibrated", "argmax", "prior", "bacc", "cost"]
    assert "sensitivity:MEL=0.95" in names
    assert [line.name for line in assessment.rules if line.chosen] == ["sensitivity:MEL=0.8"]
    recall = assessment.rules[-1].bootstrap.scores.recall[TASK.codes.index("MEL")]
    assert recall == pytest.approx(0.8, abs=0.12)


def test_a_rule_that_cannot_be_fitted_is_left_out(
    simulate: Simulate, capsys: pytest.CaptureFixture[str]
):
    oof = simulate()
    melanoma = TASK.codes.index("MEL")
    keep = (oof.targets != melanoma) | (oof.parts == 0)  # without part 0 there is none to fit on
    assessment = assess(oof.take(keep))
    names = [line.name for line in assessment.rules]
    assert names == ["argmax, not calibrated", "argmax", "prior", "bacc", "cost"]
    assert "left out of the decision rules: sensitivity:MEL=0.9" in capsys.readouterr().err


def test_a_task_without_melanoma_has_no_rule_for_it(simulate: Simulate):
    assessment = assess(simulate(task="malignant"))
    names = [line.name for line in assessment.rules]
    assert names == ["argmax, not calibrated", "argmax", "prior", "bacc", "cost"]


def test_referral_and_sets(simulate: Simulate):
    assessment = assess(simulate(lesions=300))
    selective, sets = assessment.selective, assessment.sets
    assert selective.referred == pytest.approx(0.2, abs=0.08)
    assert selective.kept_risk < selective.risk[-1]  # the referred were the doubtful ones
    assert sets.asked == 0.9
    assert np.nanmean(sets.coverage) == pytest.approx(0.9, abs=0.08)
    assert 1 <= sets.size <= len(TASK)
    assert 0 <= sets.single <= 1
