from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skin.ensembling.assessment import UnknownLines
from skin.ensembling.decide import parse_rule
from skin.ensembling.gather import gather
from skin.ensembling.nested import alone, bacc, judge
from skin.ensembling.pipeline import DecisionPlan
from skin.ensembling.unknown.assess import assess_unknown
from skin.ensembling.unknown.choose import fit_unknown, nested_odds
from skin.ensembling.unknown.gather import gather_outliers
from skin.runs import Run
from skin.taxonomy import get_task

TASK = get_task("isic2019")
PLAIN = DecisionPlan("none", parse_rule("argmax", TASK))


def assessed(run: Run, choice: str = "auto", kept: float = 0.9) -> UnknownLines:
    outliers, oof = gather_outliers([run]), gather([run], data_dir=Path("nowhere"))
    judged = judge(alone(oof, 0), oof, PLAIN)
    rule = fit_unknown(outliers, choice, kept)
    return assess_unknown(outliers, judged, rule, choice, task=TASK, resamples=200)


def test_images_outside_that_are_far_off_are_all_told(outlier_run: Callable[..., Run]):
    lines = assessed(outlier_run("a", skill={"mahalanobis": 8.0}))
    assert (lines.code, lines.score, lines.outside, lines.asked) == ("UNK", "mahalanobis", 60, 0.9)
    auto, *others = lines.lines
    assert (auto.name, auto.chosen) == ("auto", True)
    assert [line.name for line in others if line.chosen] == []
    assert auto.auroc is not None
    assert auto.auroc.value > 0.99
    assert auto.found is not None
    assert auto.found.value == 1
    noise = next(line for line in others if line.name == "entropy")
    assert noise.auroc is not None
    assert noise.auroc.low < 0.5 < noise.auroc.high


def test_the_figures_follow_from_the_odds(outlier_run: Callable[..., Run]):
    """Recall by recall, by hand."""
    run = outlier_run("a", skill={"energy": 2.0})
    line = next(line for line in assessed(run, "energy").lines if line.chosen)
    outliers, oof = gather_outliers([run]), gather([run], data_dir=Path("nowhere"))
    told = nested_odds(outliers, "energy", 0.9) > 1
    known = ~outliers.outside
    right = oof.log_probabilities[0].argmax(axis=1) == oof.targets
    recalls = [(right & ~told[known])[oof.targets == k].mean() for k in range(8)]
    plain = bacc(np.exp(oof.log_probabilities[0]), oof.targets)
    assert line.cost.value == pytest.approx(np.mean(recalls) - plain)
    assert line.cost.value < 0
    assert line.kept_by_class.tolist() == pytest.approx(
        [1 - told[known][oof.targets == k].mean() for k in range(8)]
    )
    assert line.kept.value == pytest.approx(line.kept_by_class.mean())
    assert line.found is not None
    assert line.found.value == pytest.approx(told[~known].mean())
    assert line.bacc is not None
    assert line.bacc.value == pytest.approx((sum(recalls) + told[~known].mean()) / 9)
    for interval in (line.cost, line.kept, line.found, line.bacc):
        assert interval.low <= interval.value <= interval.high


def test_without_images_outside_nothing_is_said_of_them(outlier_run: Callable[..., Run]):
    lines = assessed(outlier_run("a", outside=0))
    assert (lines.outside, lines.score) == (0, "entropy")
    assert [line.name for line in lines.lines if line.chosen] == ["entropy"]
    assert {(line.auroc, line.found, line.bacc) for line in lines.lines} == {(None, None, None)}
    assert all(0.7 < line.kept.value < 1 for line in lines.lines)
