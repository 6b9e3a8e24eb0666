from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skin.analysis.metrics import balanced_accuracy, confusion_matrix, decide
from skin.ensembling.combine.subsets import fit_subset
from skin.ensembling.oof import OutOfFold
from skin.errors import SkinError

MakeOof = Callable[..., OutOfFold]


def brute_force(oof: OutOfFold) -> float:
    p = np.exp(oof.log_probabilities)
    subsets = [c for k in range(1, len(p) + 1) for c in combinations(range(len(p)), k)]
    return max(
        float(balanced_accuracy(confusion_matrix(oof.targets, decide(p[list(c)].mean(axis=0)), 3)))
        for c in subsets
    )


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), runs=st.integers(1, 5))
def test_nothing_is_better(simulate: MakeOof, seed: int, runs: int):
    oof = simulate(seed, runs=runs, images=60)
    weights = np.array(fit_subset(oof).weights)
    chosen = weights > 0
    np.testing.assert_allclose(weights[chosen], 1 / chosen.sum())
    mean = np.exp(oof.log_probabilities)[chosen].mean(axis=0)
    found = balanced_accuracy(confusion_matrix(oof.targets, decide(mean), 3))
    assert float(found) == pytest.approx(brute_force(oof))


def test_two_runs_that_mend_each_other(make_oof: MakeOof):
    """Each of the first two errs on one image, a little; the third errs on both."""
    p = [[[0.9, 0.1], [0.6, 0.4]], [[0.4, 0.6], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]]
    assert fit_subset(make_oof(p, [0, 1])).weights == (0.5, 0.5, 0)


def test_of_equals_the_fewest_runs_then_the_lower_log_loss(make_oof: MakeOof):
    p = [[[0.6, 0.4], [0.4, 0.6]], [[0.8, 0.2], [0.2, 0.8]], [[0.7, 0.3], [0.3, 0.7]]]
    assert fit_subset(make_oof(p, [0, 1])).weights == (0, 1, 0)


def test_too_many_runs(simulate: MakeOof):
    with pytest.raises(SkinError, match="at most 10 runs, not of 11; use 'greedy'"):
        fit_subset(simulate(0, runs=11, images=20))
    assert sum(fit_subset(simulate(0, runs=10, images=20)).weights) == pytest.approx(1)
