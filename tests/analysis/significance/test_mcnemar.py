from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as classic

from skin.analysis.significance.mcnemar import mcnemar


def decisions(both, only_ours, only_theirs, neither):
    counts = [both, only_ours, only_theirs, neither]
    return np.repeat([True, True, False, False], counts), np.repeat(
        [True, False, True, False], counts
    )


def test_agrestis_approval_ratings():
    """Agresti, Categorical Data Analysis (1990), section 10.1.1: z^2 = 17.36."""
    ours, theirs = decisions(794, 150, 86, 570)

    found = mcnemar(ours, theirs, np.arange(1600))

    assert (found.only_ours, found.only_theirs) == (150, 86)
    assert found.statistic == pytest.approx(17.36, abs=0.005)
    assert found.p == pytest.approx(3.1e-5, rel=0.01)
    assert found.difference.value == pytest.approx(64 / 1600)


@given(st.tuples(*[st.integers(0, 30)] * 4).filter(lambda counts: counts[1] + counts[2] > 0))
def test_single_images_give_the_classic_test(counts):
    ours, theirs = decisions(*counts)

    found = mcnemar(ours, theirs, [f"HAM_{i}" for i in range(len(ours))])

    both, only_ours, only_theirs, neither = counts
    expected = classic([[both, only_ours], [only_theirs, neither]], exact=False, correction=False)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)


def test_lesions_by_hand():
    """Shares of 3/3, 1/2, -1/1 and 0/2: (1 + 1/2 - 1)^2 / (1 + 1/4 + 1) = 1/9."""
    lesions = ["a"] * 3 + ["b"] * 2 + ["c"] + ["d"] * 2
    ours = np.array([1, 1, 1, 1, 0, 0, 1, 0], bool)
    theirs = np.array([0, 0, 0, 0, 0, 1, 0, 1], bool)

    found = mcnemar(ours, theirs, lesions)

    assert found.statistic == pytest.approx(1 / 9)
    assert found.p == pytest.approx(0.7389, abs=1e-4)
    assert found.difference.value == pytest.approx(0.5 / 4)
    half = 1.959964 * np.std([1, 0.5, -1, 0], ddof=1) / 2
    assert found.difference.high - found.difference.value == pytest.approx(half)
    assert (found.only_ours, found.only_theirs) == (5, 2)


def test_copies_of_an_image_add_nothing():
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((2, 40)) < 0.6
    lesions = np.arange(40)

    once = mcnemar(ours, theirs, lesions)
    thrice = mcnemar(*(np.repeat(one, 3) for one in (ours, theirs)), np.repeat(lesions, 3))

    assert thrice.statistic == pytest.approx(once.statistic)
    assert thrice.difference == once.difference


def test_no_difference_has_nothing_to_test():
    ours = np.array([True, False, True])

    found = mcnemar(ours, ours, [0, 0, 1])

    assert found.p == 1.0
    assert np.isnan(found.statistic)


def test_level_holds_where_the_images_of_a_lesion_go_together():
    """150 lesions of 1 to 6 images, decided alike within one: 5 % of 500 tests, give or take."""
    rng = np.random.default_rng(3)
    clustered = naive = 0
    for _ in range(500):
        lesions = np.repeat(np.arange(150), rng.integers(1, 7, size=150))
        ours, theirs = (rng.random((2, 150)) < 0.7)[:, lesions]
        clustered += mcnemar(ours, theirs, lesions).p < 0.05
        naive += mcnemar(ours, theirs, np.arange(len(lesions))).p < 0.05
    assert 0.02 <= clustered / 500 <= 0.08  # three standard errors of the binomial
    assert naive / 500 > 0.2
