from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import log_loss, mean_squared_error
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_calibration_error,
)

from skin.analysis.calibration import Calibration, measure
from skin.taxonomy import TASKS

PAIR, SEVEN = TASKS["malignant"], TASKS["isic2018"]


def simulated(seed: int, images: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(7, size=images), softmax(2 * rng.normal(size=(images, 7)), axis=1)


def by_hand(bins: int = 2) -> Calibration:
    """Highest probabilities 0.9, 0.7, 0.7, 0.6; the third decision is wrong."""
    malignant = np.array([0.9, 0.3, 0.7, 0.6])
    targets = np.array([1, 0, 0, 1])
    return measure(targets, np.stack([1 - malignant, malignant], axis=1), PAIR, bins)


def test_scores_by_hand():
    found = by_hand()
    # The true classes have 0.9, 0.7, 0.3, 0.6.
    assert found.log_loss == pytest.approx(-np.log([0.9, 0.7, 0.3, 0.6]).mean())
    assert found.brier == pytest.approx(2 * (0.1**2 + 0.3**2 + 0.7**2 + 0.4**2) / 4)
    # One bin of confidence 2.9 / 4, of which 3 / 4 are right.
    assert found.ece == pytest.approx(abs(2.9 / 4 - 3 / 4))
    # Malignant: 0.3, which is not; and 0.9, 0.7, 0.6, of which two are. Benign mirrors it.
    expected = (abs(0.3 - 0) + abs(2.2 - 2)) / 4
    assert found.class_eces == pytest.approx((expected, expected))
    assert found.class_ece == pytest.approx(expected)


def test_the_bins_of_the_reliability_diagram():
    bins = by_hand(10).reliability
    assert bins.count.tolist() == [0, 0, 0, 0, 0, 1, 2, 0, 1, 0]
    np.testing.assert_allclose(bins.confidence[[5, 6, 8]], [0.6, 0.7, 0.9])
    np.testing.assert_allclose(bins.accuracy[[5, 6, 8]], [1, 0.5, 1])
    assert np.isnan(bins.confidence[bins.count == 0]).all()
    assert np.isnan(bins.accuracy[bins.count == 0]).all()


def test_a_bin_ends_with_its_upper_edge():
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75], [0.0, 1.0]])
    bins = measure(np.array([0, 1, 1]), probabilities, PAIR, bins=4).reliability
    assert bins.count.tolist() == [0, 1, 1, 1]


def test_a_tied_decision_is_wrong():
    bins = measure(np.array([0]), np.array([[0.5, 0.5]]), PAIR, bins=2).reliability
    assert bins.accuracy[0] == 0


def test_a_perfect_prediction():
    found = measure(np.array([0, 1]), np.eye(2), PAIR)
    assert found.log_loss == found.brier == found.ece == found.class_ece == 0


def test_a_true_class_of_probability_0_has_a_finite_loss():
    found = measure(np.array([1, 0]), np.eye(2), PAIR)
    assert found.log_loss == pytest.approx(-np.log(np.finfo(float).eps))
    assert found.brier == 2
    assert found.ece == 1


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_it_agrees_with_scikit_learn_and_torchmetrics(seed: int, bins: int):
    targets, probabilities = simulated(seed)
    found = measure(targets, probabilities, SEVEN, bins)

    assert found.log_loss == pytest.approx(log_loss(targets, probabilities, labels=range(7)))
    mean = mean_squared_error(np.eye(7)[targets], probabilities)
    assert found.brier == pytest.approx(7 * mean)
    p, y = torch.tensor(probabilities), torch.tensor(targets)
    ece = multiclass_calibration_error(p, y, num_classes=7, n_bins=bins)
    assert found.ece == pytest.approx(float(ece), abs=1e-6)
    each = [float(binary_calibration_error(p[:, k].clone(), y == k, n_bins=bins)) for k in range(7)]
    assert found.class_eces == pytest.approx(each, abs=1e-6)
    assert found.class_ece == pytest.approx(np.mean(each), abs=1e-6)


def test_probabilities_that_come_true_are_calibrated():
    _, probabilities = simulated(0, 100_000)
    rng = np.random.default_rng(1)
    targets = (rng.random((100_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(0, 6)
    found = measure(targets, probabilities, SEVEN)
    assert found.ece < 0.01
    assert found.class_ece < 0.005


@pytest.mark.parametrize(
    ("targets", "probabilities"),
    [
        (np.array([0, 1]), np.full((1, 2), 0.5)),
        (np.array([0]), np.full((1, 3), 1 / 3)),
        (np.array([2]), np.full((1, 2), 0.5)),
        (np.array([0]), np.array([[0.5, 0.6]])),
        (np.array([0]), np.array([[0.5, np.nan]])),
        (np.array([], np.int64), np.empty((0, 2))),
    ],
    ids=["lengths", "classes", "target", "sum", "nan", "empty"],
)
def test_what_is_no_prediction_is_refused(targets: np.ndarray, probabilities: np.ndarray):
    with pytest.raises(ValueError, match=r"expected|must"):
        measure(targets, probabilities, PAIR)
