from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import log_softmax, softmax

from skin.analysis.metrics import decide
from skin.ensembling.decide.tune import tune_weights

EVEN = np.ones(2)


def bacc(scores: np.ndarray, targets: np.ndarray) -> float:
    decided = decide(scores)
    return float(np.mean([(decided[targets == k] == k).mean() for k in np.unique(targets)]))


def skewed(seed: int, shift: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors of even priors, of 1000, 4000 and 300 images, with a wrong bias."""
    targets = np.repeat([0, 1, 2], [1000, 4000, 300])
    noise = np.random.default_rng(seed).normal(size=(len(targets), 3))
    return softmax(1.5 * np.eye(3)[targets] + noise + shift, axis=1), targets


def test_it_finds_the_gap_between_two_separable_classes():
    """Odds of the second class are 1 / 20 to 1 / 10 for its images, below 1 / 40 for the others."""
    odds = np.concatenate([np.linspace(1 / 80, 1 / 40, 30), np.linspace(1 / 20, 1 / 10, 30)])
    probabilities = np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)
    targets = np.repeat([0, 1], 30)
    first, second = tune_weights(probabilities, targets, EVEN)
    assert 20 < second / first < 40
    assert bacc(probabilities * [first, second], targets) == 1


@pytest.mark.parametrize("shift", [(0, 0, 0), (2, 0, -1), (-1, 3, 1)], ids=str)
def test_it_undoes_a_wrong_bias_on_other_images(shift: tuple[float, ...]):
    """The best weights are known: those that take the bias off."""
    probabilities, targets = skewed(0, shift)
    others, truths = skewed(1, shift)
    tuned = tune_weights(probabilities, targets, np.ones(3))
    best = bacc(others * np.exp(-np.array(shift)), truths)
    assert bacc(others * tuned, truths) > best - 0.01
    removed = np.log(tuned) + shift
    np.testing.assert_allclose(removed - removed.mean(), 0, atol=0.25)


@settings(max_examples=60)
@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 15), st.just(3)), elements=st.floats(-20, 20)),
    st.integers(0, 3**15),
    st.lists(st.floats(0.01, 100), min_size=3, max_size=3),
)
def test_it_is_never_worse_than_its_start(logits: np.ndarray, labels: int, start: list[float]):
    probabilities = np.exp(log_softmax(logits, axis=1))
    targets = np.array([labels // 3**i % 3 for i in range(len(logits))])
    begun = np.array(start)
    tuned = tune_weights(probabilities, targets, begun)
    assert bacc(probabilities * tuned, targets) >= bacc(probabilities * begun, targets)
    assert (np.abs(np.log(tuned / begun)) <= np.log(100) + 1e-9).all()
    absent = np.setdiff1d(np.arange(3), targets)
    np.testing.assert_array_equal(tuned[absent], begun[absent])


def test_probabilities_of_0():
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.isfinite(tune_weights(probabilities, np.array([0, 1]), EVEN)).all()


def test_one_lucky_image_does_not_decide():
    """One image of the second class, worth 1 / 40, lies alone among many of the first.

    The exact maximum of the balanced accuracy is the gap of 0.2 about it.
    """
    first = np.concatenate([np.linspace(-3, -1.1, 195), np.linspace(-0.9, 0, 5)])
    odds = np.exp(np.concatenate([first, [-1.0], np.full(19, 1.0)]))
    targets = np.repeat([0, 1], [200, 20])
    probabilities = np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)
    tuned = tune_weights(probabilities, targets, EVEN)
    exact = bacc(probabilities * [1, np.exp(1.05)], targets)
    assert bacc(probabilities * tuned, targets) < exact
    assert abs(np.log(tuned[1] / tuned[0])) < 0.5
