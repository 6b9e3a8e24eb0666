from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skin.ensembling.combine.greedy import fit_greedy, select
from skin.ensembling.combine.objective import Objective
from skin.ensembling.oof import OutOfFold

MakeOof = Callable[..., OutOfFold]


def test_a_perfect_run_takes_all(make_oof: MakeOof):
    targets = np.arange(60) % 3
    perfect = np.eye(3)[targets]
    noise = np.random.default_rng(0).dirichlet([1, 1, 1], 60)
    assert fit_greedy(make_oof([noise, perfect], targets)).weights == (0, 1)


def test_a_run_joins_as_often_as_it_helps(make_oof: MakeOof):
    """Image 0 is right where 0.9 w > 1/2, which is w > 5/9; image 1 where 0.4 w + 0.87 (1 - w) is
    above 1/2, which is w < 37/47. The start, w = 1/2, misses image 0; one more of the first run
    gives both, and the log loss falls up to w = 37/47.
    """
    p = [[[0.9, 0.1], [0.4, 0.6]], [[0.0, 1.0], [0.87, 0.13]]]
    objective = Objective.of(make_oof(p, [0, 0]))
    first, second = select(objective, np.array([0, 1]))
    assert first + second == pytest.approx(1)
    assert 3 / 4 <= first < 37 / 47
    assert fit_greedy(make_oof(p, [0, 0])).weights == pytest.approx((first, second))


def test_selection_stays_in_its_library(simulate: MakeOof):
    objective = Objective.of(simulate(0, runs=4))
    share = select(objective, np.array([1, 3]))
    assert share[[0, 2]].tolist() == [0, 0]
    assert share.sum() == pytest.approx(1)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), runs=st.integers(1, 6))
def test_it_is_never_below_the_best_run(simulate: MakeOof, seed: int, runs: int):
    oof = simulate(seed, runs=runs, images=60)
    objective = Objective.of(oof)
    found = fit_greedy(oof)
    assert sum(found.weights) == pytest.approx(1)
    mixed = objective.bacc(objective.mix(np.array(found.weights)))
    assert mixed >= objective.bacc(objective.probabilities).max()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_selection_is_never_below_the_mean_of_the_best_few(simulate: MakeOof, seed: int):
    objective = Objective.of(simulate(seed, images=60))
    everything = np.arange(3)
    selected = objective.bacc(objective.mix(select(objective, everything)))
    assert selected >= objective.bacc(objective.mix(np.full(3, 1 / 3)))
    assert selected >= objective.bacc(objective.probabilities).max()


def test_equals_are_told_apart_by_the_log_loss(make_oof: MakeOof):
    p = [[[0.6, 0.4], [0.4, 0.6]], [[0.8, 0.2], [0.2, 0.8]]]
    assert fit_greedy(make_oof(p, [0, 1])).weights == (0, 1)


def test_identical_runs_predict_as_one(simulate: MakeOof):
    oof = simulate(1).only([0, 0, 0])
    combined = fit_greedy(oof).combine(oof.log_probabilities)
    np.testing.assert_allclose(combined, oof.log_probabilities[0], atol=1e-12)


def test_bags_differ_and_are_always_the_same(simulate: MakeOof):
    oof = simulate(2, runs=6)
    found = fit_greedy(oof)
    assert found == fit_greedy(oof)
    assert np.count_nonzero(found.weights) > 3  # more than one bag of three could give
