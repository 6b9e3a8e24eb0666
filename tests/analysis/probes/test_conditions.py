from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skin.analysis.probes.conditions import balanced_accuracies, score_decisions
from skin.analysis.statistics import bootstrap, interval, paired_difference
from skin.taxonomy import TASKS

TASK = TASKS["isic2018"]


def test_by_hand():
    """Two of three right of class 0, none of class 1, in the first condition; all in the second."""
    targets = np.array([0, 0, 0, 1])
    decisions = np.array([[0, 0, 1, 0], [0, 0, 0, 1]])
    scores = balanced_accuracies(targets, decisions, list("abcd"), classes=2, resamples=10, seed=0)
    assert scores.scores.tolist() == [pytest.approx(1 / 3), 1]
    assert scores[[0, 1]].mean().value == pytest.approx(2 / 3)
    assert scores[[0]].mean_difference(scores[[1]]).value == pytest.approx(-2 / 3)


def test_they_are_the_bootstrap_of_one_condition():
    rng = np.random.default_rng(0)
    targets = rng.integers(7, size=90)
    lesions = rng.integers(40, size=90)
    probabilities = [rng.dirichlet(np.ones(7), size=90) for _ in range(3)]
    decisions = np.array([each.argmax(1) for each in probabilities])
    ours = balanced_accuracies(targets, decisions, lesions, classes=7, resamples=150, seed=3)
    boots = [
        bootstrap(targets, each, lesions, TASK, resamples=150, seed=3) for each in probabilities
    ]
    for i, boot in enumerate(boots):
        assert ours.samples[i] == pytest.approx(boot.samples["bacc"])
        assert interval(ours.scores[i], ours.samples[i]).low == pytest.approx(
            boot.interval("bacc").low
        )
    gap, known = ours[[1]].mean_difference(ours[[0]]), paired_difference(boots[1], boots[0])
    assert (gap.value, gap.low, gap.high) == pytest.approx((known.value, known.low, known.high))


def test_a_tie_is_wrong():
    table = pd.DataFrame(
        {"target": ["MEL", "NV"], "lesion_id": ["a", "b"], "clean": ["MEL", "tied"]}
    )
    assert score_decisions(table, TASK, ["clean"], 10, 0).scores.tolist() == [0.5]
