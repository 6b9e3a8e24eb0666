from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from skin.analysis.significance.delong import components, delong, variance


def kernel(positives, negatives):
    """Every pair: 1 where the positive is above, a half for a tie."""
    above = positives[:, None] > negatives[None]
    return above + (positives[:, None] == negatives[None]) / 2


def case(seed, images=24):
    rng = np.random.default_rng(seed)
    positive = np.append(rng.random(images - 4) < 0.4, [True, True, False, False])
    ours, theirs = rng.integers(8, size=(2, images)) + 2.0 * positive  # many ties
    return rng, positive, ours, theirs


@given(st.integers(0, 2**32 - 1))
def test_components_are_the_means_over_all_pairs(seed):
    _, positive, scores, _ = case(seed)

    above, below = components(positive, scores)

    pairs = kernel(scores[positive], scores[~positive])
    np.testing.assert_allclose(above, pairs.mean(axis=1))
    np.testing.assert_allclose(below, pairs.mean(axis=0))
    assert above.mean() == pytest.approx(roc_auc_score(positive, scores))


@given(st.integers(0, 2**32 - 1))
def test_single_images_give_delongs_test(seed):
    """DeLong et al. 1988, equations 4 to 6, from the U-statistics themselves."""
    _, positive, ours, theirs = case(seed)
    pairs = [kernel(scores[positive], scores[~positive]) for scores in (ours, theirs)]
    s10 = np.cov([one.mean(axis=1) for one in pairs])
    s01 = np.cov([one.mean(axis=0) for one in pairs])
    covariance = s10 / positive.sum() + s01 / (~positive).sum()
    contrast = np.array([1, -1])
    error = np.sqrt(max(contrast @ covariance @ contrast, 0))
    gap = pairs[0].mean() - pairs[1].mean()

    found = delong(positive, ours, theirs, np.arange(len(positive)))

    assert found.difference.value == pytest.approx(gap)
    half = found.difference.high - found.difference.value
    assert half == pytest.approx(1.959964 * error, abs=1e-7)
    if error > 1e-6:
        assert found.p == pytest.approx(2 * norm.sf(abs(gap) / error))


def obuchowski(positive, scores, lesions):
    """The (co)variances of two areas as the paper writes them, lesion by lesion."""
    areas, x, y = [], [], []
    names = np.unique(lesions)
    m = np.array([(positive & (lesions == name)).sum() for name in names])
    n = np.array([(~positive & (lesions == name)).sum() for name in names])
    for one in scores:
        pairs = kernel(one[positive], one[~positive])
        areas.append(pairs.mean())
        v10, v01 = pairs.mean(axis=1), pairs.mean(axis=0)
        x.append([v10[lesions[positive] == name].sum() for name in names] - m * areas[-1])
        y.append([v01[lesions[~positive] == name].sum() for name in names] - n * areas[-1])
    x, y = np.array(x), np.array(y)
    i10, i01, i = (m > 0).sum(), (n > 0).sum(), len(names)
    s10 = i10 / ((i10 - 1) * m.sum()) * (x @ x.T)
    s01 = i01 / ((i01 - 1) * n.sum()) * (y @ y.T)
    s11 = i / (i - 1) * (x @ y.T)
    return s10 / m.sum() + s01 / n.sum() + (s11 + s11.T) / (m.sum() * n.sum())


@given(st.integers(0, 2**32 - 1))
def test_lesions_enter_as_in_obuchowski(seed):
    """Lesions here may hold positives and negatives, so that S11 counts."""
    rng, positive, ours, theirs = case(seed)
    lesions = np.append(rng.integers(9, size=20), [20, 21, 22, 23])
    covariance = obuchowski(positive, (ours, theirs), lesions)
    lesion = np.unique(lesions, return_inverse=True)[1]

    assert variance(positive, *components(positive, ours), lesion) == pytest.approx(
        covariance[0, 0]
    )

    gap = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    found = delong(positive, ours, theirs, lesions)
    if gap > 1e-9:
        half = found.difference.high - found.difference.value
        assert half == pytest.approx(1.959964 * np.sqrt(gap), rel=1e-6)


def test_copies_of_an_image_add_nothing_but_the_lesions_count():
    _, positive, ours, theirs = case(5)
    lesions = np.arange(24)

    once = delong(positive, ours, theirs, lesions)
    twice = delong(*(np.repeat(one, 2) for one in (positive, ours, theirs, lesions)))

    assert twice.p == pytest.approx(once.p)


def test_equal_scores_are_not_told_apart():
    _, positive, ours, _ = case(1)

    found = delong(positive, ours, 3 * ours - 1, np.arange(24))

    assert found.p == 1.0
    assert (found.difference.low, found.difference.high) == (0.0, 0.0)


def test_no_test_without_spread_or_lesions():
    positive = np.array([True, True, False, False])
    right, wrong = np.array([1.0, 1, 0, 0]), np.array([0.0, 0, 1, 1])

    assert np.isnan(delong(positive, right, wrong, np.arange(4)).p)
    assert np.isnan(delong(positive, right, np.array([1.0, 0, 0, 1]), [0, 0, 1, 2]).p)
    with pytest.raises(ValueError, match="positives and negatives"):
        delong(np.ones(4, bool), right, wrong, np.arange(4))


def test_level_holds_where_the_images_of_a_lesion_go_together():
    """80 lesions of 5 images, most of each score the lesion's own: 5 % of 400 tests."""
    rng = np.random.default_rng(7)
    lesions = np.repeat(np.arange(80), 5)
    positive = (np.arange(80) < 30)[lesions]
    clustered = naive = 0
    for _ in range(400):
        of_lesion, noise = rng.normal(size=(2, 80)), rng.normal(size=(2, 400))
        ours, theirs = positive + of_lesion[:, lesions] + 0.5 * noise
        clustered += delong(positive, ours, theirs, lesions).p < 0.05
        naive += delong(positive, ours, theirs, np.arange(400)).p < 0.05
    assert 0.017 <= clustered / 400 <= 0.083  # three standard errors of the binomial
    assert naive / 400 > 0.2
