"""Areas of resamples are those of the images that each resample holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from skin.analysis.isic_areas import SENSITIVITY, partial_auc
from skin.analysis.ranking import Ranking


def draw(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """20 images of 8 lesions with many ties, and how often three resamples drew each lesion."""
    rng = np.random.default_rng(seed)
    positive = np.append(rng.random(18) < 0.4, [True, False])
    scores = rng.integers(6, size=20) / 5
    lesion = rng.integers(8, size=20)
    return positive, scores, lesion, rng.integers(0, 3, size=(8, 3)).astype(float)


def resampled(positive: np.ndarray, scores: np.ndarray, times: np.ndarray):
    """The images of a resample, each as often as it was drawn."""
    held = np.repeat(np.arange(len(positive)), times.astype(int))
    return positive[held], scores[held]


@given(st.integers(0, 2**32 - 1))
def test_areas_agree_with_scikit_learn(seed: int):
    positive, scores, lesion, weights = draw(seed)
    ranking = Ranking(positive, scores, lesion)
    whole, above = ranking.auc(weights), ranking.partial_auc(weights, SENSITIVITY)
    for place, weight in enumerate(weights.T):
        actual, values = resampled(positive, scores, weight[lesion])
        if actual.all() or not actual.any():
            assert np.isnan([whole[place], above[place]]).all()
        else:
            assert whole[place] == pytest.approx(roc_auc_score(actual, values))
            assert above[place] == pytest.approx(partial_auc(actual, values), abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_from_a_sensitivity_of_0_the_area_is_whole(seed: int):
    positive, scores, lesion, weights = draw(seed)
    ranking = Ranking(positive, scores, lesion)
    np.testing.assert_allclose(ranking.partial_auc(weights, 0.0), ranking.auc(weights))


@pytest.mark.parametrize("only", [True, False])
def test_without_one_of_the_two_kinds_both_are_undefined(only: bool):
    ranking = Ranking(np.full(4, only), np.arange(4.0), np.arange(4))
    assert np.isnan(ranking.auc(np.ones((4, 2)))).all()
    assert np.isnan(ranking.partial_auc(np.ones((4, 2)), SENSITIVITY)).all()


def test_by_hand():
    # Four of five positives above all negatives, then one negative of two above the last.
    positive = np.array([True] * 4 + [False, True, False])
    ranking = Ranking(positive, -np.arange(7.0), np.arange(7))
    (area,) = ranking.partial_auc(np.ones((7, 1)), SENSITIVITY)
    assert area == pytest.approx(0.2 * 0.5)
