from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError
from scipy.special import log_softmax

from skin.ensembling.combine import Mean

TWO_RUNS = np.log([[[0.5, 0.5], [0.9, 0.1]], [[0.1, 0.9], [0.7, 0.3]]])


def test_the_plain_mean_by_hand():
    combined = np.exp(Mean.equal(2).combine(TWO_RUNS))
    np.testing.assert_allclose(combined, [[0.3, 0.7], [0.8, 0.2]])


def test_the_weighted_mean_by_hand():
    combined = np.exp(Mean(weights=(0.75, 0.25)).combine(TWO_RUNS))
    np.testing.assert_allclose(combined, [[0.4, 0.6], [0.85, 0.15]])


def test_a_run_of_weight_0_counts_for_nothing():
    np.testing.assert_allclose(Mean(weights=(0, 1)).combine(TWO_RUNS), TWO_RUNS[1])


def test_equal_weights():
    assert Mean.equal(4).weights == (0.25,) * 4
    np.testing.assert_allclose(Mean.equal(1).combine(TWO_RUNS[:1]), TWO_RUNS[0])


def test_tiny_probabilities_do_not_vanish():
    """exp(-2000) is 0 in float64; its logarithm is not."""
    logs = np.array([[[-2000.0, 0.0]], [[-2000.0, 0.0]]])
    np.testing.assert_allclose(Mean.equal(2).combine(logs), [[-2000.0, 0.0]])


@pytest.mark.parametrize(
    "weights", [(), (0.5, 0.4), (1.5, -0.5), (1.0, 1.0), (float("nan"), 1.0)], ids=str
)
def test_weights_that_are_no_shares_are_refused(weights: tuple[float, ...]):
    with pytest.raises(ValidationError, match="non-negative and sum to 1"):
        Mean(weights=weights)


def test_another_number_of_runs_is_refused():
    with pytest.raises(ValueError, match="2 runs for 3 weights"):
        Mean.equal(3).combine(TWO_RUNS)


def test_round_trip():
    mean = Mean(weights=(0.1, 0.2, 0.7))
    assert Mean.model_validate_json(mean.model_dump_json()) == mean


@st.composite
def runs_and_weights(draw: st.DrawFn) -> tuple[np.ndarray, tuple[float, ...]]:
    runs = draw(st.integers(1, 4))
    logits = draw(hnp.arrays(np.float64, (runs, 3, 7), elements=st.floats(-30, 30)))
    raw = draw(st.lists(st.floats(0.01, 1), min_size=runs, max_size=runs))
    return log_softmax(logits, axis=2), tuple(weight / sum(raw) for weight in raw)


@settings(max_examples=40, deadline=None)
@given(runs_and_weights())
def test_it_is_the_mean_of_the_probabilities(case: tuple[np.ndarray, tuple[float, ...]]):
    logs, weights = case
    combined = np.exp(Mean(weights=weights).combine(logs))
    np.testing.assert_allclose(combined, np.average(np.exp(logs), axis=0, weights=weights))
    np.testing.assert_allclose(combined.sum(axis=1), 1)
    swapped = np.exp(Mean(weights=weights[::-1]).combine(logs[::-1]))
    np.testing.assert_allclose(swapped, combined)
