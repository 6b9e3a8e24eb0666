from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skin.analysis.metrics import balanced_accuracy, confusion_matrix, decide
from skin.ensembling.combine.objective import LEAST, Objective
from skin.ensembling.oof import OutOfFold


def test_by_hand(make_oof: Callable[..., OutOfFold]):
    """Class 0: one of two right; class 1: a tie, which is wrong; class 2 does not occur."""
    p = [[[0.6, 0.2, 0.2], [0.4, 0.4, 0.2], [0.2, 0.5, 0.3]]]
    objective = Objective.of(make_oof(p, [0, 1, 0]))
    mixture = objective.mix(np.ones(1))
    assert objective.bacc(mixture) == pytest.approx(0.25)
    by_hand = -((np.log(0.6) + np.log(0.2)) / 2 + np.log(0.4)) / 2
    assert objective.log_loss(mixture) == pytest.approx(by_hand)


def test_a_true_class_of_probability_0(make_oof: Callable[..., OutOfFold]):
    objective = Objective.of(make_oof([[[1, 0]]], [1]))
    assert objective.log_loss(objective.mix(np.ones(1))) == pytest.approx(-np.log(LEAST))


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), classes=st.sampled_from([2, 3, 7]))
def test_bacc_is_that_of_the_metrics(simulate: Callable[..., OutOfFold], seed: int, classes: int):
    oof = simulate(seed, images=60, classes=classes)
    objective = Objective.of(oof)
    weights = np.array([0.5, 0.2, 0.3])
    mean = np.average(np.exp(oof.log_probabilities), axis=0, weights=weights)
    expected = balanced_accuracy(confusion_matrix(oof.targets, decide(mean), classes))
    assert objective.bacc(objective.mix(weights)) == pytest.approx(float(expected))


def test_many_mixtures_at_once(simulate: Callable[..., OutOfFold]):
    objective = Objective.of(simulate(0))
    at_once = objective.probabilities
    for function in (objective.bacc, objective.log_loss):
        np.testing.assert_allclose(function(at_once), [function(one) for one in at_once])
