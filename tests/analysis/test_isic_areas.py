"""The partial area by hand, and against an integration that knows nothing of ROC curves."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skin.analysis.isic_areas import partial_auc

few_values = hnp.arrays(
    np.float64, st.integers(2, 25), elements=st.sampled_from([0.0, 0.2, 0.5, 0.5000001, 1.0])
)


def integrated(actual: list[bool], values: list[float], weight: list[int]) -> Fraction:
    """Integrate the specificity over the sensitivities from 0.8 to 1, in whole fractions.

    Positives stand in line from the highest value, each as wide as it weighs. At a share t of the
    line, specificity is the weight of the negatives below that value; within a tie, of those
    below it, and of the tied ones as many as are left of the tie.
    """
    kinds = list(zip(actual, values, weight, strict=True))
    positives = sum(w for a, _, w in kinds if a)
    negatives = sum(w for a, _, w in kinds if not a)
    begin, area, passed = Fraction(4, 5), Fraction(0), Fraction(0)
    for value in sorted({v for a, v, _ in kinds if a}, reverse=True):
        wide = Fraction(sum(w for a, v, w in kinds if a and v == value), positives)
        below = Fraction(sum(w for a, v, w in kinds if not a and v < value), negatives)
        tied = Fraction(sum(w for a, v, w in kinds if not a and v == value), negatives)
        left, right = max(passed, begin), passed + wide
        passed = right
        if left >= right:
            continue
        # Specificity falls in a straight line from below + tied, at the tie's left end, to below.
        heights = [below + tied * (right - t) / wide for t in (left, right)]
        area += (right - left) * sum(heights) / 2
    return area


@given(values=few_values, data=st.data())
def test_it_is_the_integral(values: np.ndarray, data: st.DataObject):
    actual = data.draw(hnp.arrays(np.bool_, len(values)))
    weight = data.draw(hnp.arrays(np.int64, len(values), elements=st.integers(1, 4)))
    assume(actual.any() and not actual.all())
    expected = integrated(actual.tolist(), values.tolist(), weight.tolist())
    found = partial_auc(actual, values, weight.astype(float))
    assert found == pytest.approx(float(expected), abs=1e-12)
    assert -1e-12 <= found <= 0.2 + 1e-12


def area(actual: str, values: list[float]) -> float:
    return partial_auc(np.array([letter == "+" for letter in actual]), np.array(values))


def test_all_in_order_is_a_fifth():
    assert area("++--", [0.9, 0.8, 0.7, 0.1]) == pytest.approx(0.2)


def test_all_in_the_wrong_order_is_nothing():
    assert area("--++", [0.9, 0.8, 0.7, 0.1]) == pytest.approx(0.0)


def test_a_constant_is_the_triangle_above_the_diagonal():
    assert area("+-+-", [0.5] * 4) == pytest.approx(0.2**2 / 2)


def test_only_the_last_fifth_of_the_positives_counts():
    # The first four of five make no difference; the last has one of four negatives above it.
    low = [0.5, 0.6, 0.1, 0.2, 0.3]
    assert area("+----" + "++++", [*low, 0.9, 0.8, 0.7, 0.65]) == pytest.approx(0.2 * 0.75)
    assert area("+----" + "++++", [*low, 0.51, 0.52, 0.53, 0.54]) == pytest.approx(0.2 * 0.75)


def test_a_tie_with_a_negative_counts_half():
    assert area("+-", [0.5, 0.5]) == pytest.approx(0.02)
    # Of one positive, the last fifth of it: the curve falls from 0.8 to 1 along the tie.
    assert area("+--", [0.5, 0.5, 0.1]) == pytest.approx(0.2 * (0.5 + 0.2 * 0.5 / 2))


def test_undefined_without_both_kinds():
    assert np.isnan(area("++", [0.5, 0.6]))
    assert np.isnan(area("--", [0.5, 0.6]))
