"""Blends of two runs, worked out by hand, and rules that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError
from scipy.special import log_softmax, softmax
from scipy.stats import rankdata

from skin.ensembling.combine import Geometric, LogOdds, Mean, Rank
from skin.ensembling.combine.blend import Blend, Quantiles

TWO_RUNS = np.log([[[0.5, 0.5], [0.9, 0.1]], [[0.1, 0.9], [0.7, 0.3]]])
LOGITS = np.random.default_rng(0).normal(0, 3, (3, 500, 3))
THREE_RUNS = log_softmax(LOGITS, axis=2)

BLENDS: dict[str, Callable[[tuple[float, ...]], Blend]] = {
    "mean": lambda weights: Mean(weights=weights),
    "geometric": lambda weights: Geometric(weights=weights),
    "logit": lambda weights: LogOdds(weights=weights),
    "rank": lambda weights: Rank.fit(THREE_RUNS, weights),
}
each = pytest.mark.parametrize("make", BLENDS.values(), ids=BLENDS)


def test_the_plain_mean_by_hand():
    combined = np.exp(Mean.equal(2).combine(TWO_RUNS))
    np.testing.assert_allclose(combined, [[0.3, 0.7], [0.8, 0.2]])


def test_the_weighted_mean_by_hand():
    combined = np.exp(Mean(weights=(0.75, 0.25)).combine(TWO_RUNS))
    np.testing.assert_allclose(combined, [[0.4, 0.6], [0.85, 0.15]])


def test_the_geometric_mean_by_hand():
    """sqrt(0.5 * 0.1) : sqrt(0.5 * 0.9) is 1 : 3, and sqrt(0.9 * 0.7) : sqrt(0.1 * 0.3) the root
    of 21.
    """
    combined = np.exp(Geometric.equal(2).combine(TWO_RUNS))
    root = 21**0.5
    np.testing.assert_allclose(combined, [[0.25, 0.75], [root / (root + 1), 1 / (root + 1)]])


def test_the_geometric_mean_is_the_mean_of_logits():
    weights = (0.2, 0.3, 0.5)
    expected = softmax(np.average(LOGITS, axis=0, weights=weights), axis=1)
    np.testing.assert_allclose(np.exp(Geometric(weights=weights).combine(THREE_RUNS)), expected)


def test_the_mean_of_log_odds_by_hand():
    """Odds 4, 1/4, 1/9 and 1, 1/4, 1/4: geometric means 2, 1/4, 1/6, of p = 2/3, 1/5, 1/7."""
    logs = np.log([[[0.8, 0.2, 0.1]], [[0.5, 0.2, 0.2]]])
    logs[:, :, 0] = np.log([[4 * 0.3], [0.4]])  # odds against what the others sum to
    logs -= np.logaddexp.reduce(logs, axis=2, keepdims=True)
    p = np.exp(logs)
    odds = np.sqrt((p / (1 - p)).prod(axis=0))
    expected = odds / (1 + odds)
    combined = np.exp(LogOdds.equal(2).combine(logs))
    np.testing.assert_allclose(combined, expected / expected.sum())
    assert not np.allclose(combined, np.exp(Geometric.equal(2).combine(logs)), rtol=1e-3)


def test_of_two_classes_log_odds_and_logits_are_the_same():
    logs = THREE_RUNS[:, :, :2] - np.logaddexp.reduce(THREE_RUNS[:, :, :2], axis=2, keepdims=True)
    np.testing.assert_allclose(
        LogOdds.equal(3).combine(logs), Geometric.equal(3).combine(logs), atol=1e-12
    )


def test_ranks_by_hand():
    """The i-th of 3 values has rank i / 4, whatever the scale."""
    first = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    second = np.array([[0.51, 0.49], [0.5, 0.5], [0.4, 0.6]])
    logs = np.log([first, second])
    expected = [[3 / 4, 1 / 4], [2 / 4, 2 / 4], [1 / 4, 3 / 4]]
    np.testing.assert_allclose(np.exp(Rank.fit(logs).combine(logs)), expected)


def test_one_image_is_ranked_as_among_all():
    rank = Rank.fit(THREE_RUNS)
    alone = np.vstack([rank.combine(THREE_RUNS[:, [i]]) for i in range(20)])
    np.testing.assert_allclose(alone, rank.combine(THREE_RUNS)[:20])


def test_a_coarse_grid_is_near_the_ranks_themselves():
    values = LOGITS[0, :, 0]
    quantiles = Quantiles.of(values)
    assert len(quantiles.knots) == 201
    np.testing.assert_allclose(quantiles.rank(values), rankdata(values) / 501, atol=1 / 200)


def test_beyond_the_grid_ranks_go_on_to_0_and_1():
    quantiles = Quantiles.of(np.array([0.0, 1.0, 2.0]))
    ranks = quantiles.rank(np.array([-1e9, -1, 0, 0.5, 2, 3, 1e9]))
    e = np.exp(-1)
    np.testing.assert_allclose(ranks, [0, e / 4, 1 / 4, 3 / 8, 3 / 4, 1 - e / 4, 1])


def test_equal_values_share_a_rank():
    quantiles = Quantiles.of(np.array([0.0, 0.0, 0.0, 1.0]))
    assert quantiles.knots == (0, 1)
    np.testing.assert_allclose(quantiles.levels, [2 / 5, 4 / 5])
    assert Quantiles.of(np.zeros(9)).levels == (pytest.approx(1 / 2),)


@given(
    hnp.arrays(np.float64, st.integers(1, 300), elements=st.integers(-5, 5)),
    st.lists(st.integers(-1000, 1000), min_size=2, max_size=20, unique=True),
)
def test_ranks_ascend_strictly(values: np.ndarray, asked: list[int]):
    ranks = Quantiles.of(values).rank(np.array(sorted(asked)) / 100)
    assert (np.diff(ranks) > 0).all()
    assert ranks.min() > 0
    assert ranks.max() < 1


@pytest.mark.parametrize(
    ("knots", "levels"),
    [((), ()), ((0, 0), (0.1, 0.2)), ((0, 1), (0.2, 0.1)), ((0,), (1.0,)), ((0, 1), (0.5,))],
)
def test_a_damaged_grid_is_refused(knots: tuple[float, ...], levels: tuple[float, ...]):
    with pytest.raises(ValidationError, match="knots and levels must"):
        Quantiles(knots=knots, levels=levels)


def test_a_grid_of_other_runs_is_refused():
    grid = Rank.fit(THREE_RUNS).grid
    with pytest.raises(ValidationError, match="a row for each run"):
        Rank(weights=(0.5, 0.5), grid=grid)
    with pytest.raises(ValidationError, match="of the same classes"):
        Rank(weights=(0.5, 0.5), grid=(grid[0], grid[1][:2]))
    with pytest.raises(ValueError, match="2 classes for a combiner of 3"):
        Rank.fit(THREE_RUNS).combine(THREE_RUNS[:, :, :2])


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


@each
def test_another_number_of_runs_is_refused(make: Callable[..., Blend]):
    with pytest.raises(ValueError, match="2 runs for a combiner of 3"):
        make((0.2, 0.3, 0.5)).combine(THREE_RUNS[:2])


@each
def test_a_run_of_weight_0_counts_for_nothing(make: Callable[..., Blend]):
    changed = THREE_RUNS.copy()
    changed[0] = [0, -np.inf, -np.inf]
    blend = make((0, 0.3, 0.7))
    np.testing.assert_allclose(blend.combine(changed), blend.combine(THREE_RUNS))


@each
def test_probabilities_of_0(make: Callable[..., Blend]):
    """The runs exclude all classes between them."""
    logs = np.full((3, 2, 3), -np.inf)
    for run in range(3):
        logs[run, 0, run] = 0  # each is sure of another class
        logs[run, 1, 2] = 0  # all are sure of the last one
    with np.errstate(all="raise", under="ignore"):
        combined = make((0.2, 0.3, 0.5)).combine(logs)
    assert np.isfinite(combined).all()
    np.testing.assert_allclose(np.exp(combined).sum(axis=1), 1)
    assert combined.argmax(axis=1).tolist() == [2, 2]


@each
def test_round_trip(make: Callable[..., Blend]):
    blend = make((0.1, 0.2, 0.7))
    read = type(blend).model_validate_json(blend.model_dump_json())
    assert read == blend
    np.testing.assert_array_equal(read.combine(THREE_RUNS), blend.combine(THREE_RUNS))


@st.composite
def runs_and_weights(draw: st.DrawFn) -> tuple[np.ndarray, tuple[float, ...]]:
    logits = draw(hnp.arrays(np.float64, (3, 4, 3), elements=st.floats(-30, 30)))
    raw = draw(st.lists(st.floats(0.01, 1), min_size=3, max_size=3))
    return log_softmax(logits, axis=2), tuple(weight / sum(raw) for weight in raw)


@each
@settings(max_examples=25)
@given(case=runs_and_weights())
def test_rows_are_normalised(
    make: Callable[..., Blend], case: tuple[np.ndarray, tuple[float, ...]]
):
    logs, weights = case
    combined = make(weights).combine(logs)
    assert combined.shape == (4, 3)
    np.testing.assert_allclose(np.exp(combined).sum(axis=1), 1)


@pytest.mark.parametrize("kind", [Mean, Geometric, LogOdds])
@settings(max_examples=25)
@given(case=runs_and_weights())
def test_the_order_of_the_runs_does_not_matter(
    kind: type[Blend], case: tuple[np.ndarray, tuple[float, ...]]
):
    logs, weights = case
    np.testing.assert_allclose(
        kind(weights=weights[::-1]).combine(logs[::-1]),
        kind(weights=weights).combine(logs),
        atol=1e-9,
    )


@pytest.mark.parametrize("kind", [Mean, Geometric, LogOdds])
@settings(max_examples=25)
@given(case=runs_and_weights())
def test_a_run_thrice_is_itself(kind: type[Blend], case: tuple[np.ndarray, tuple[float, ...]]):
    logs, weights = case
    thrice = np.stack([logs[0]] * 3)
    combined = np.exp(kind(weights=weights).combine(thrice))
    np.testing.assert_allclose(combined, np.exp(logs[0]), rtol=1e-9)


@settings(max_examples=25)
@given(case=runs_and_weights())
def test_the_mean_is_the_mean_of_the_probabilities(case: tuple[np.ndarray, tuple[float, ...]]):
    logs, weights = case
    combined = np.exp(Mean(weights=weights).combine(logs))
    np.testing.assert_allclose(combined, np.average(np.exp(logs), axis=0, weights=weights))
