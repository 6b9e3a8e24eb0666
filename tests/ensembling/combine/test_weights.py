from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skin.ensembling.combine import weights
from skin.ensembling.combine.objective import LEAST, Objective
from skin.ensembling.combine.weights import fit_bacc, fit_logloss, least_log_loss
from skin.ensembling.oof import OutOfFold

MakeOof = Callable[..., OutOfFold]


def binary(*of_true: tuple[float, ...]) -> np.ndarray:
    """Probabilities (R, N, 2) for targets of class 0, by what each run gives them."""
    p = np.array(of_true)
    return np.stack([p, 1 - p], axis=2)


@pytest.mark.parametrize("fit", [fit_logloss, fit_bacc])
def test_a_perfect_run_takes_all(make_oof: MakeOof, fit: Callable[..., object]):
    targets = np.arange(60) % 3
    perfect = np.eye(3)[targets]
    noise = np.random.default_rng(0).dirichlet([1, 1, 1], 60)
    assert fit(make_oof([noise, perfect], targets)).weights == (0, 1)


def test_complementary_runs_by_hand(make_oof: MakeOof):
    """The true class has w and 1 - w on one image each: the product is largest at w = 1/2."""
    oof = make_oof(binary((1, 0), (0, 1)), [0, 0])
    assert fit_logloss(oof).weights == pytest.approx((0.5, 0.5))


def test_the_optimum_of_two_runs_by_hand(make_oof: MakeOof):
    """Of three images the true class has w, w and 1 - w: 2 / w = 1 / (1 - w) at w = 2/3."""
    oof = make_oof(binary((1, 1, 0), (0, 0, 1)), [0, 0, 0])
    assert fit_logloss(oof).weights == pytest.approx((2 / 3, 1 / 3), abs=1e-6)


def test_classes_count_alike_unless_asked_otherwise(make_oof: MakeOof):
    """Two images of class 0 that the first run knows, and one of class 1 that the second knows."""
    p = [[[1, 0], [1, 0], [1, 0]], [[0, 1], [0, 1], [0, 1]]]
    oof = make_oof(p, [0, 0, 1])
    assert fit_logloss(oof).weights == pytest.approx((1 / 2, 1 / 2), abs=1e-6)
    unbalanced = fit_logloss(oof, balanced=False)
    assert unbalanced.weights == pytest.approx((2 / 3, 1 / 3), abs=1e-6)


def test_identical_runs_predict_as_one(simulate: MakeOof):
    oof = simulate(1).only([0, 0, 0])
    for fit in (fit_logloss, fit_bacc):
        combined = fit(oof).combine(oof.log_probabilities)
        np.testing.assert_allclose(combined, oof.log_probabilities[0], atol=1e-12)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    runs=st.integers(1, 12),
    images=st.integers(1, 200),
    scale=st.sampled_from([0.1, 1.0, 5.0, 100.0]),
    zeros=st.booleans(),
)
def test_the_optimum_fulfils_the_conditions_of_kuhn_and_tucker(
    seed: int, runs: int, images: int, scale: float, *, zeros: bool
):
    """Minus the gradient is 1 for a run that has weight, and not above 1 for one that has none."""
    generator = np.random.default_rng(seed)
    likelihoods = np.exp(-generator.exponential(scale, (runs, images)))
    if zeros:
        likelihoods[generator.random((runs, images)) < 0.1] = 0
    shares = generator.dirichlet(np.ones(images))
    found = least_log_loss(likelihoods, shares)
    floored = np.maximum(likelihoods, LEAST)
    descent = (floored / (found @ floored)) @ shares
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    assert descent.max() <= 1 + 1e-6 + 1e-9
    assert np.abs(found * (descent - 1)).max() <= 1e-6


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_the_runs_does_not_matter(simulate: MakeOof, seed: int):
    oof = simulate(seed)
    objective = Objective.of(oof)
    third, first, second = fit_logloss(oof.only([2, 0, 1])).weights
    turned = objective.mix(np.array([first, second, third]))
    straight = objective.mix(np.array(fit_logloss(oof).weights))
    assert objective.log_loss(turned) == pytest.approx(objective.log_loss(straight), abs=2e-6)


def bacc(oof: OutOfFold, shares: tuple[float, ...]) -> float:
    objective = Objective.of(oof)
    return float(objective.bacc(objective.mix(np.array(shares))))


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), runs=st.integers(1, 5))
def test_bacc_is_never_below_where_it_starts(simulate: MakeOof, seed: int, runs: int):
    oof = simulate(seed, runs=runs, images=80)
    assert bacc(oof, fit_bacc(oof).weights) >= bacc(oof, fit_logloss(oof).weights)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_of_two_runs_it_is_the_best_of_all_weights(simulate: MakeOof, seed: int):
    """One exchange looks at the whole line: a fine grid finds nothing better."""
    oof = simulate(seed, runs=2, images=60)
    grid = max(bacc(oof, (w, 1 - w)) for w in np.linspace(0.001, 0.999, 999))
    assert bacc(oof, fit_bacc(oof).weights) >= grid


def test_bacc_by_hand(make_oof: MakeOof):
    """Image 0 is right where 0.9 w + 0.3 (1 - w) > 1/2, which is w > 1/3; image 1 where
    0.3 w + 0.8 (1 - w) > 1/2, which is w < 3/5. The middle of where both are is 7/15.
    """
    p = [[[0.9, 0.1], [0.7, 0.3]], [[0.3, 0.7], [0.2, 0.8]]]
    oof = make_oof(p, [0, 1])
    objective = Objective.of(oof)
    moved = weights._exchange(objective, np.array([0.9, 0.1]), 0, 1)  # noqa: SLF001
    assert moved == pytest.approx([7 / 15, 8 / 15])


def test_it_is_always_the_same(simulate: MakeOof):
    oof = simulate(3, runs=4)
    assert fit_bacc(oof) == fit_bacc(oof)
    assert fit_logloss(oof) == fit_logloss(oof)


def test_ten_runs_of_ten_thousand_images_take_seconds(simulate: MakeOof):
    oof = simulate(0, runs=10, images=10_000, classes=7)
    start = time.process_time()
    fit_bacc(oof)
    assert time.process_time() - start < 5
