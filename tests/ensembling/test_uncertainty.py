from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError
from scipy.special import log_softmax, softmax
from scipy.stats import binom

from skin.ensembling.uncertainty import (
    ConformalSets,
    Referral,
    area,
    class_coverage,
    decision_uncertainty,
    entropy,
    fit_conformal,
    fit_referral,
    mutual_information,
    risk_coverage,
)

MEMBERS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(2, 5)),
    elements=st.floats(-50, 50),
).map(lambda logits: log_softmax(logits, axis=2))
CASES = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30)


def columns(cases: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([u for u, _ in cases], np.float64), np.array([w for _, w in cases])


def test_entropy_by_hand():
    found = entropy(np.array([[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]]))
    expected = [np.log(2), 0, 0.25 * np.log(4) + 0.75 * np.log(4 / 3)]
    np.testing.assert_allclose(found, expected)


def test_mutual_information_by_hand():
    """Two sure members that contradict each other; two unsure ones that agree."""
    sure, unsure = [1 - 1e-12, 1e-12], [0.5, 0.5]
    found = mutual_information(np.log([[sure, unsure], [sure[::-1], unsure]]))
    np.testing.assert_allclose(found, [np.log(2), 0], atol=1e-9)


@given(MEMBERS)
def test_the_bounds_of_both(members: np.ndarray):
    most = np.log(members.shape[2]) + 1e-9
    between = mutual_information(members)
    assert ((between >= 0) & (between <= most)).all()
    total = entropy(softmax(members[0], axis=1))
    assert ((total >= 0) & (total <= most)).all()
    np.testing.assert_allclose(mutual_information(members[:1]), 0, atol=1e-9)
    np.testing.assert_allclose(mutual_information(members[::-1]), between, atol=1e-9)


def test_conformal_by_hand():
    """Nine images of the first class: at 80 %, the 8th least of their scores, 1 - p."""
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.45])
    targets = np.array([0] * 9 + [1])
    fitted = fit_conformal(np.stack([p, 1 - p], axis=1), targets, 2, coverage=0.8)
    # The second class has one image, too few for any threshold.
    assert fitted.thresholds == (pytest.approx(0.8), 1.0)
    sets = fitted.sets(np.array([[0.25, 0.75], [0.15, 0.85], [1.0, 0.0]]))
    assert sets.tolist() == [[True, True], [False, True], [True, True]]


@pytest.mark.parametrize(
    ("images", "coverage", "place"),
    [
        (8, 0.9, None),
        (9, 0.9, 9),
        (10, 0.9, 10),
        (19, 0.9, 18),
        (99, 0.9, 90),
        (100, 0.9, 91),
        (99, 0.55, 55),  # 100 * 0.55 is a rounding error more than 55
    ],
)
def test_the_finite_sample_quantile(images: int, coverage: float, place: int | None):
    """The ceil((n + 1) coverage)-th least score, if there are as many."""
    scores = (np.arange(images) + 1) / (images + 1)
    probabilities = np.stack([1 - scores, scores], axis=1)
    threshold, _ = fit_conformal(probabilities, np.zeros(images, np.int64), 2, coverage).thresholds
    assert threshold == (1 if place is None else pytest.approx(scores[place - 1]))


def test_the_coverage_holds_for_each_class():
    """Coverage given the fit is Beta-distributed about the asked one; on new images, binomial."""
    rng = np.random.default_rng(0)
    sizes = np.array([300, 3000, 1000])

    def images(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        targets = np.repeat([0, 1, 2], counts)
        return softmax(np.eye(3)[targets] + rng.normal(size=(len(targets), 3)), axis=1), targets

    for coverage in (0.8, 0.9, 0.95):
        fitted = fit_conformal(*images(sizes), 3, coverage=coverage)
        probabilities, targets = images(np.full(3, 20_000))
        found = class_coverage(fitted.sets(probabilities), targets, 3)
        for share, size in zip(found, sizes, strict=True):
            low, high = binom.ppf([1e-4, 1 - 1e-4], size, coverage) / size
            assert low - 0.01 < share < high + 0.01


@given(MEMBERS, st.integers(0, 10**6), st.floats(0.01, 0.99))
def test_the_coverage_holds_where_it_was_fitted(members: np.ndarray, seed: int, coverage: float):
    probabilities = np.exp(members[0])
    images, classes = probabilities.shape
    targets = np.random.default_rng(seed).integers(classes, size=images)
    fitted = fit_conformal(probabilities, targets, classes, coverage=coverage)
    covered = class_coverage(fitted.sets(probabilities), targets, classes)
    count = np.bincount(targets, minlength=classes)
    np.testing.assert_array_equal(np.isnan(covered), count == 0)
    assert (covered[count > 0] >= coverage - 1e-9).all()
    assert ConformalSets.model_validate(json.loads(fitted.model_dump_json())) == fitted


def test_class_coverage_by_hand():
    sets = np.array([[True, False], [False, True], [False, False]])
    found = class_coverage(np.hstack([sets, sets[:, :1]]), np.array([0, 0, 1]), 3)
    np.testing.assert_array_equal(found, [0.5, 0, np.nan])


def test_risk_coverage_by_hand():
    uncertainty, wrong = np.array([0.3, 0.1, 0.2, 0.4]), np.array([True, False, False, True])
    coverage, risk = risk_coverage(uncertainty, wrong)
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(risk, [0, 0, 1 / 3, 1 / 2])
    assert area(uncertainty, wrong) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


def test_equal_uncertainties_have_no_order():
    coverage, risk = risk_coverage(np.array([0.0, 1, 1, 1]), np.array([False, True, False, False]))
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(risk, [0, 1 / 3 / 2, 2 / 3 / 3, 1 / 4])


def test_a_long_curve_is_thinned():
    rng = np.random.default_rng(0)
    uncertainty = rng.random(5000)
    wrong = rng.random(5000) < uncertainty
    coverage, risk = risk_coverage(uncertainty, wrong)
    assert len(coverage) == len(risk) == 200
    assert coverage[0] == 1 / 5000
    assert coverage[-1] == 1
    assert (np.diff(coverage) > 0).all()
    assert risk[-1] == pytest.approx(wrong.mean())
    # Risk at coverage c is c / 2, so that the area is 1 / 4.
    assert area(uncertainty, wrong) == pytest.approx(0.25, abs=0.02)
    assert area(-uncertainty, wrong) > 0.7


@given(CASES, st.randoms(use_true_random=False))
def test_the_curve_depends_on_no_order(cases: list[tuple[int, bool]], order: object):
    uncertainty, wrong = columns(cases)
    shuffled = list(cases)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    for one, other in zip(
        risk_coverage(uncertainty, wrong), risk_coverage(*columns(shuffled)), strict=True
    ):
        np.testing.assert_allclose(one, other)
        assert ((one >= 0) & (one <= 1 + 1e-12)).all()
    assert area(uncertainty, wrong) <= 1 + 1e-12


def test_decision_uncertainty_by_hand():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.4, 0.4, 0.2]])
    scores = np.array([[0.9, 0.2, 0.1], [0.1, 0.3, 0.2], [0.5, 0.5, 0.1]])
    # Decided for the first, for the second, and for none.
    np.testing.assert_allclose(decision_uncertainty(probabilities, scores), [0.3, 0.8, 1])


def test_referral_by_hand():
    uncertainty = np.array([0.5, 0.1, 0.4, 0.2, 0.3])
    referral = fit_referral(uncertainty, 0.4)
    assert referral == Referral(share=0.4, threshold=0.3)
    assert referral.refer(uncertainty).tolist() == [True, False, True, False, False]
    assert not fit_referral(uncertainty, 0).refer(uncertainty).any()
    assert fit_referral(uncertainty, 0.99).refer(uncertainty).sum() == 4
    hundred = np.arange(100.0)
    assert fit_referral(hundred, 0.29).refer(hundred).sum() == 29  # 0.29 * 100 is 28.999...


@given(CASES, st.floats(0, 0.999))
def test_no_more_than_the_share_is_referred(cases: list[tuple[int, bool]], share: float):
    uncertainty, _ = columns(cases)
    referral = fit_referral(uncertainty, share)
    above = referral.refer(uncertainty).sum()
    assert above <= share * len(cases) + 1e-6
    at_threshold = (uncertainty == referral.threshold).sum()
    assert above + at_threshold > share * len(cases) - 1e-6
    assert Referral.model_validate_json(referral.model_dump_json()) == referral


@pytest.mark.parametrize(
    "tree",
    [
        {"coverage": 1, "thresholds": [0.5]},
        {"coverage": 0.9, "thresholds": [1.5]},
        {"coverage": 0.9, "thresholds": [float("nan")]},
        {"coverage": 0.9, "thresholds": [0.5], "more": 1},
    ],
    ids=str,
)
def test_damaged_sets_are_refused(tree: dict[str, object]):
    with pytest.raises(ValidationError):
        ConformalSets.model_validate(tree)


@pytest.mark.parametrize(
    "tree",
    [
        {"share": 1, "threshold": 0.5},
        {"share": -0.1, "threshold": 0.5},
        {"share": 0.1, "threshold": float("inf")},
    ],
    ids=str,
)
def test_a_damaged_referral_is_refused(tree: dict[str, object]):
    with pytest.raises(ValidationError):
        Referral.model_validate(tree)


def test_what_does_not_fit_is_refused():
    rows, targets = np.full((2, 2), 0.5), np.array([0, 1])
    sets = ConformalSets(coverage=0.9, thresholds=(1, 1, 1))
    calls = [
        lambda: entropy(rows * 2),
        lambda: mutual_information(np.log(rows)),
        lambda: mutual_information(np.log(rows)[None][:0]),
        lambda: mutual_information(rows[None]),
        lambda: sets.sets(rows),
        lambda: fit_conformal(rows, targets, 3),
        lambda: fit_conformal(rows, targets[:1], 2),
        lambda: fit_conformal(rows, targets, 2, coverage=1.0),
        lambda: class_coverage(rows > 0, targets, 3),
        lambda: risk_coverage(np.array([0.1, np.nan]), targets > 0),
        lambda: risk_coverage(np.array([0.1]), targets > 0),
        lambda: area(np.array([]), targets[:0] > 0),
        lambda: decision_uncertainty(rows, rows[:1]),
        lambda: decision_uncertainty(rows, rows * np.nan),
        lambda: fit_referral(np.array([]), 0.5),
        lambda: fit_referral(np.array([0.5]), 1.0),
        lambda: Referral(share=0.1, threshold=0.5).refer(np.array([np.nan])),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"."):
            call()
