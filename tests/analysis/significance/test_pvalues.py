from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.analysis.significance.pvalues import bootstrap_p, holm, p_text, smallest_p, too_coarse
from skin.analysis.statistics import bootstrap, interval
from skin.taxonomy import TASKS


@pytest.mark.parametrize(
    ("below", "above", "zeros", "p"),
    [
        (0, 99, 0, 2 / 100),
        (99, 0, 0, 2 / 100),
        (4, 95, 0, 10 / 100),
        (50, 49, 0, 1.0),
        (0, 0, 99, 1.0),
        (0, 96, 3, 8 / 100),
    ],
)
def test_bootstrap_p_counts_the_smaller_side(below, above, zeros, p):
    samples = np.repeat([-0.1, 0.2, 0.0], [below, above, zeros])

    assert bootstrap_p(samples) == pytest.approx(p)


def test_undefined_resamples_are_left_out():
    assert bootstrap_p(np.array([1.0] * 19 + [np.nan] * 50)) == pytest.approx(2 / 20)
    assert np.isnan(bootstrap_p(np.array([np.nan])))


@given(st.integers(0, 2**32 - 1), st.floats(-4, 4))
def test_bootstrap_p_says_what_the_interval_says(seed, shift):
    samples = np.random.default_rng(seed).normal(shift, 1, size=1999)

    p, found = bootstrap_p(samples), interval(shift, samples)

    assert p >= smallest_p(1999) == 2 / 2000
    if abs(p - 0.05) > 0.003:
        assert (p < 0.05) == found.excludes_zero


def test_holm_by_hand():
    """0.01 x 4, then 0.02 x 3, then 0.03 x 2, then max(0.04 x 1, 0.06); NaN is not counted."""
    corrected = holm([0.04, 0.01, float("nan"), 0.03, 0.02])

    np.testing.assert_allclose(corrected, [0.06, 0.04, np.nan, 0.06, 0.06])
    assert np.isnan(holm([float("nan")])).all()
    assert holm([]).shape == (0,)


def test_p_values_in_writing():
    assert [p_text(p) for p in (0.0004, 0.001, 0.0496, 1.0, float("nan"))] == [
        "< 0.001",
        "0.001",
        "0.050",
        "1.000",
        "\N{EM DASH}",
    ]


def test_too_few_resamples_for_so_many_tests():
    assert too_coarse(200, 6)
    assert not too_coarse(2000, 6)


def test_bacc_interval_holds_the_truth_as_often_as_it_says():
    """3 classes, the rarest with 15 lesions; of a lesion's images the half are decided as one."""
    task = TASKS["isic2017"]
    rng = np.random.default_rng(11)
    recalls = np.array([0.6, 0.75, 0.85])
    of_lesion = np.repeat(np.arange(3), [20, 15, 60])
    held = 0
    for seed in range(200):
        lesions = np.repeat(np.arange(len(of_lesion)), rng.integers(1, 4, size=len(of_lesion)))
        targets = of_lesion[lesions]
        shared = rng.random(len(of_lesion))[lesions]
        luck = np.where(rng.random(len(lesions)) < 0.5, shared, rng.random(len(lesions)))
        decided = np.where(luck < recalls[targets], targets, (targets + 1) % 3)
        boot = bootstrap(targets, np.eye(3)[decided], lesions, task, resamples=200, seed=seed)
        found = boot.interval("bacc")
        held += found.low <= recalls.mean() <= found.high
    assert 0.90 <= held / 200 <= 0.985
