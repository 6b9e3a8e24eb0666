from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import TypeAdapter, ValidationError

from skin.analysis.metrics import decide
from skin.ensembling.decide import Argmax, Cost, Rule, Sensitivity, Weights

ADAPTER: TypeAdapter[Any] = TypeAdapter(Rule)


@st.composite
def rows(draw: st.DrawFn, classes: int = 3) -> np.ndarray:
    """Any distributions, with zeros, ones, ties and tiny probabilities among them."""
    shape = draw(st.integers(1, 8)), classes
    elements = st.sampled_from([0.0, 1e-300, 1e-12, 0.1, 0.2, 0.25, 0.5, 1.0]) | st.floats(0, 1)
    raw = draw(hnp.arrays(np.float64, shape, elements=elements))
    raw[raw.sum(axis=1) < 1e-6] = 1
    return raw / raw.sum(axis=1, keepdims=True)


@st.composite
def cost_tables(draw: st.DrawFn) -> np.ndarray:
    costs = draw(hnp.arrays(np.float64, (3, 3), elements=st.floats(0, 100)))
    costs[0, 1] += 1
    np.fill_diagonal(costs, 0)
    return costs


RULES = st.one_of(
    st.just(Argmax()),
    st.lists(st.floats(1e-6, 1e6), min_size=3, max_size=3).map(
        lambda weights: Weights(weights=tuple(weights))
    ),
    cost_tables().map(lambda costs: Cost(costs=tuple(map(tuple, costs.tolist())))),
    st.tuples(st.integers(0, 2), st.floats(1e-300, 0.999)).map(
        lambda pair: Sensitivity(index=pair[0], threshold=pair[1])
    ),
)


def test_argmax_keeps_the_probabilities():
    probabilities = np.array([[0.2, 0.8]])
    np.testing.assert_array_equal(Argmax().apply(probabilities), probabilities)


def test_weights_by_hand():
    scores = Weights(weights=(4, 1)).apply(np.array([[0.3, 0.7], [0.1, 0.9]]))
    np.testing.assert_allclose(scores, [[1.2 / 1.9, 0.7 / 1.9], [0.4 / 1.3, 0.9 / 1.3]])


def test_cost_by_hand():
    """Missing the first class costs 10: at 0.2 it is worth deciding for, at 0.05 it is not."""
    cost = Cost(costs=((0, 10), (1, 0)))
    scores = cost.apply(np.array([[0.2, 0.8], [0.05, 0.95]]))
    expected = 1 - np.array([[0.8 * 1, 0.2 * 10], [0.95 * 1, 0.05 * 10]]) / 10
    np.testing.assert_allclose(scores, expected, atol=1e-8)
    assert decide(scores).tolist() == [0, 1]


def test_equal_costs_give_the_probabilities():
    probabilities = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0]])
    scores = Cost(costs=((0, 2, 2), (2, 0, 2), (2, 2, 0))).apply(probabilities)
    np.testing.assert_allclose(scores, probabilities, atol=1e-12)


def test_of_decisions_that_cost_the_same_the_likelier_class_is_taken():
    free = Cost(costs=((0, 0, 1), (0, 0, 1), (1, 1, 0)))
    assert decide(free.apply(np.array([[0.3, 0.5, 0.2], [0.5, 0.3, 0.2]]))).tolist() == [1, 0]


def test_sensitivity_by_hand():
    rule = Sensitivity(index=0, threshold=0.2)
    scores = rule.apply(np.array([[0.3, 0.6, 0.1], [0.1, 0.3, 0.6]]))
    np.testing.assert_allclose(scores, [[0.3, 0.2, 0.2 / 6], [0.1, 0.1, 0.2]])
    assert decide(scores).tolist() == [0, 2]


def test_sensitivity_at_the_threshold_and_at_the_ends():
    rule = Sensitivity(index=1, threshold=0.25)
    scores = rule.apply(np.array([[0.75, 0.25], [0, 1.0], [1.0, 0]]))
    assert decide(scores).tolist() == [0, 1, 0]
    np.testing.assert_allclose(scores, [[0.25, 0.25], [0, 1], [0.25, 0]])


@given(rows(), cost_tables())
def test_cost_is_the_brute_force_minimum(probabilities: np.ndarray, costs: np.ndarray):
    rule = Cost(costs=tuple(map(tuple, costs.tolist())))
    decided = rule.apply(probabilities).argmax(axis=1)
    for row, chosen in zip(probabilities, decided, strict=True):
        expected = [sum(row[y] * costs[y, d] for y in range(3)) for d in range(3)]
        assert expected[chosen] <= min(expected) + 1e-8 * costs.max()


@given(rows(), st.integers(0, 2), st.floats(1e-300, 0.999))
def test_sensitivity_decides_as_it_says(probabilities: np.ndarray, index: int, threshold: float):
    scores = Sensitivity(index=index, threshold=threshold).apply(probabilities)
    own = probabilities[:, index]
    np.testing.assert_array_equal(decide(scores) == index, own > threshold)
    others = probabilities.copy()
    others[:, index] = -1
    below = own < threshold
    best = scores[np.arange(len(scores)), others.argmax(axis=1)]
    np.testing.assert_array_equal(best[below], scores[below].max(axis=1))
    order = np.argsort(own, kind="stable")
    assert (np.diff(scores[order, index]) >= 0).all()


@given(rows(), st.lists(st.floats(1e-6, 1e6), min_size=3, max_size=3))
def test_weights_decide_for_the_highest_product(probabilities: np.ndarray, weights: list[float]):
    scores = Weights(weights=tuple(weights)).apply(probabilities)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    product = probabilities * weights
    chosen = product[np.arange(len(scores)), scores.argmax(axis=1)]
    np.testing.assert_allclose(chosen, product.max(axis=1), rtol=1e-12)


@settings(max_examples=200)
@given(rows(), RULES)
def test_scores_are_a_valid_submission(probabilities: np.ndarray, rule: Rule):
    before = probabilities.copy()
    scores = rule.apply(probabilities)
    assert scores.shape == probabilities.shape
    assert ((scores >= 0) & (scores <= 1)).all()  # no NaN is
    np.testing.assert_array_equal(probabilities, before)
    assert rule.apply(probabilities[:0]).shape == (0, 3)


@given(RULES)
def test_a_round_trip_through_json_is_exact(rule: Rule):
    assert ADAPTER.validate_python(json.loads(json.dumps(rule.model_dump(mode="json")))) == rule
    assert ADAPTER.validate_json(rule.model_dump_json()) == rule


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"kind": "weights", "weights": [1, 0]}, "greater than 0"),
        ({"kind": "weights", "weights": [1, float("nan")]}, "finite|greater"),
        ({"kind": "weights", "weights": [1, float("inf")]}, "finite"),
        ({"kind": "weights", "weights": []}, "one a class"),
        ({"kind": "weights", "weights": [1e-200, 1]}, "of the highest"),
        ({"kind": "cost", "costs": [[0, 1], [1, 0], [1, 1]]}, "as many columns as rows"),
        ({"kind": "cost", "costs": []}, "as many columns as rows"),
        ({"kind": "cost", "costs": [[1, 1], [1, 0]]}, "right decision"),
        ({"kind": "cost", "costs": [[0, 0], [0, 0]]}, "above 0"),
        ({"kind": "cost", "costs": [[0, -1], [1, 0]]}, "greater than or equal to 0"),
        ({"kind": "sensitivity", "index": -1, "threshold": 0.5}, "greater than or equal to 0"),
        ({"kind": "sensitivity", "index": 0, "threshold": 0}, "greater than 0"),
        ({"kind": "sensitivity", "index": 0, "threshold": 1}, "less than 1"),
        ({"kind": "argmax", "weights": [1]}, "Extra"),
        ({"kind": "argmin"}, "argmin"),
    ],
    ids=str,
)
def test_damaged_files_are_refused(tree: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python(tree)


@pytest.mark.parametrize(
    "rule",
    [Weights(weights=(1, 1)), Cost(costs=((0, 1), (1, 0))), Sensitivity(index=3, threshold=0.5)],
    ids=["weights", "cost", "sensitivity"],
)
def test_another_number_of_classes_is_refused(rule: Rule):
    with pytest.raises(ValueError, match=r"\(1, 3\)"):
        rule.apply(np.full((1, 3), 1 / 3))


@pytest.mark.parametrize(
    "rule",
    [
        Argmax(),
        Weights(weights=(1, 1)),
        Cost(costs=((0, 1), (1, 0))),
        Sensitivity(index=1, threshold=0.5),
    ],
    ids=["argmax", "weights", "cost", "sensitivity"],
)
def test_what_is_no_distribution_is_refused(rule: Rule):
    for bad in ([[0.5, np.nan]], [[0.5, 0.6]], [0.5, 0.5]):
        with pytest.raises(ValueError, match=r"must|expected"):
            rule.apply(np.array(bad))
