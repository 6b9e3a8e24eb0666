from __future__ import annotations

import numpy as np
import pytest

from skin.ensembling.combine.logs import ZERO, check_runs, log_odds, normalise

TINY = 1e-30


def test_log_odds_by_hand():
    np.testing.assert_allclose(
        log_odds(np.log([[0.5, 0.3, 0.2]])), [[0, np.log(0.3 / 0.7), np.log(0.2 / 0.8)]]
    )


def test_log_odds_where_p_rounds_to_1():
    """1 - TINY is 1 in float64; the odds of the first class are 1 / TINY all the same."""
    odds = log_odds(np.array([[0.0, np.log(TINY)]]))
    np.testing.assert_allclose(odds, [[-np.log(TINY), np.log(TINY)]])


def test_log_odds_of_0_and_1_are_finite():
    np.testing.assert_allclose(log_odds(np.array([[0.0, -np.inf]])), [[-ZERO, ZERO]])


def test_normalise():
    np.testing.assert_allclose(np.exp(normalise(np.log([[2.0, 6.0]]))), [[0.25, 0.75]])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 4), r"expected log-probabilities \(runs, images, classes\), got shape \(2, 4\)"),
        ((2, 4, 7), "2 runs for a combiner of 3"),
        ((3, 4, 2), "2 classes for a combiner of 7"),
    ],
)
def test_other_shapes_are_refused(shape: tuple[int, ...], message: str):
    with pytest.raises(ValueError, match=message):
        check_runs(np.zeros(shape), 3, 7)


def test_any_number_of_classes():
    check_runs(np.zeros((3, 4, 2)), 3)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="must not be NaN"):
        check_runs(np.full((1, 1, 2), np.nan), 1)
