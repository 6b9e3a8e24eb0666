from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skin.ensembling.unknown.rule import (
    Standard,
    Unknown,
    class_weights,
    fit_threshold,
    kept_shares,
    odds_of,
)

SCORES = st.floats(-1e6, 1e6)


def test_the_threshold_by_hand():
    """Ten images of one class: nine of them are kept by the ninth score."""
    scores, targets = np.arange(10.0)[::-1], np.zeros(10, np.int64)
    assert fit_threshold(scores, targets, 0.9) == 8
    assert fit_threshold(scores, targets, 0.91) == 9
    assert fit_threshold(scores, targets, 0.85) == 8


def test_classes_weigh_alike_however_many_images_they_have():
    """One image of class 1, the farthest of all: without it half of the classes are kept."""
    scores = np.array([0.0, 1.0, 2.0, 3.0, 9.0])
    targets = np.array([0, 0, 0, 0, 1])
    assert fit_threshold(scores, targets, 0.5) == 3
    assert fit_threshold(scores, targets, 0.51) == 9
    assert class_weights(targets).tolist() == [0.125] * 4 + [0.5]


def test_images_outside_the_classes_do_not_move_the_threshold():
    scores, targets = np.array([1.0, 2.0, 50.0]), np.array([0, 0, -1])
    assert fit_threshold(scores, targets, 0.99) == 2


@given(
    st.integers(1, 60).flatmap(
        lambda n: st.tuples(
            arrays(np.float64, n, elements=SCORES),
            arrays(np.int64, n, elements=st.integers(0, 3)),
        )
    ),
    st.floats(0.05, 0.99),
)
def test_the_threshold_is_the_lowest_score_that_keeps_the_share(
    case: tuple[np.ndarray, np.ndarray], kept: float
):
    scores, targets = case
    threshold = fit_threshold(scores, targets, kept)

    def share(limit: float) -> float:
        return float(np.nanmean(kept_shares(scores > limit, targets, 4)))

    assert share(threshold) >= kept - 1e-8
    below = scores[scores < threshold]
    assert not len(below) or share(below.max()) < kept


@given(arrays(np.float64, 5, elements=SCORES), SCORES)
def test_odds_are_above_1_exactly_above_the_threshold_and_rise_with_the_score(
    scores: np.ndarray, threshold: float
):
    scores = np.append(scores, [threshold, np.nextafter(threshold, np.inf)])
    odds = odds_of(scores, threshold)
    assert ((odds > 1) == (scores > threshold)).all()
    assert np.isfinite(odds).all()
    assert (np.diff(odds[np.argsort(scores)]) >= 0).all()


def test_odds_are_the_exponential_of_the_excess():
    assert odds_of(np.array([2.0, 0.5, 1.0]), 1.0).tolist() == pytest.approx(
        [math.e, math.exp(-0.5), 1]
    )


def test_an_ensembles_score_is_the_mean_over_runs_of_the_mean_over_folds():
    first = Standard(mean=1.0, scale=2.0), Standard(mean=0.0, scale=1.0)
    second = (Standard(mean=0.0, scale=10.0),)
    rule = Unknown(score="energy", kept=0.95, threshold=0.0, standards=(first, second))
    scores = rule.combine([[np.array([3.0]), np.array([5.0])], [np.array([10.0])]])
    assert scores.tolist() == [((1 + 5) / 2 + 1) / 2]
    rule.check([2, 1])
    with pytest.raises(ValueError, match="not those of the models"):
        rule.check([1, 1])


def test_a_standard_brings_the_known_images_to_mean_0_and_deviation_1():
    scores = np.array([1.0, 2.0, 6.0])
    standardised = Standard.of(scores).apply(scores)
    assert standardised.mean() == pytest.approx(0)
    assert standardised.std() == pytest.approx(1)
    assert Standard.of(np.array([2.0, 2.0])) == Standard(mean=2.0, scale=1.0)


def test_no_known_image_or_no_share_is_refused():
    with pytest.raises(ValueError, match="of 0 known images"):
        fit_threshold(np.ones(2), np.full(2, -1), 0.95)
    with pytest.raises(ValueError, match=r"a share of 1\.0"):
        fit_threshold(np.ones(2), np.zeros(2, np.int64), 1.0)
