"""DeLong's test of two areas under the ROC curve, for images that come in lesions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata

from skin.analysis.metrics import FloatArray, IntArray
from skin.analysis.statistics import LEVEL, Interval


@dataclass(frozen=True)
class DeLong:
    """What the test found.

    Attributes:
        ours: the first model's area.
        theirs: the second one's.
        difference: ours minus theirs; the interval is the normal approximation's.
        p: two-sided; 1 where all images are ranked alike, NaN where a class has fewer than two
            lesions or the difference has no spread to judge it by.
    """

    ours: float
    theirs: float
    difference: Interval
    p: float


def components(positive: NDArray[np.bool_], scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each image's structural component of the area.

    E. DeLong, D. DeLong, D. Clarke-Pearson, Biometrics 44:837 (1988), by the midranks of X. Sun
    and W. Xu, "Fast implementation of DeLong's algorithm", IEEE Signal Processing Letters 21:1389
    (2014), in O(N log N).

    Returns:
        V10 (M,), for each positive the share of negatives ranked below it, ties half, and V01,
        for each negative the share of positives above it. The mean of either is the area.
    """
    among_all = rankdata(scores)
    ours, others = scores[positive], scores[~positive]
    above = (among_all[positive] - rankdata(ours)) / len(others)
    below = 1 - (among_all[~positive] - rankdata(others)) / len(ours)
    return above, below


def variance(
    positive: NDArray[np.bool_], above: FloatArray, below: FloatArray, lesion: IntArray
) -> float:
    """The variance of an area, or of a difference of two, from its components.

    N. Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53:567 (1997).
    Components are centred and summed within each lesion, to X over its positives and Y over its
    negatives. With M positives in I10 lesions, N negatives in I01, and I lesions in all:

        S10 = I10 / ((I10 - 1) M) sum X^2      S01 = I01 / ((I01 - 1) N) sum Y^2
        S11 = I / (I - 1) sum X Y              var = S10 / M + S01 / N + 2 S11 / (M N)

    Obuchowski's var(A1) + var(A2) - 2 cov(A1, A2) is this same quadratic form of the differences
    of components. Where each lesion has one image it is DeLong's.

    Args:
        positive: (N,) the truth.
        above: (M,) V10, or the difference of two models' V10.
        below: (N - M,) V01, or the difference.
        lesion: (N,) lesion indices from 0.

    Returns:
        NaN where the positives or the negatives are of fewer than two lesions.
    """
    count = int(lesion.max()) + 1
    of_positive, of_negative = lesion[positive], lesion[~positive]
    with_positive = np.count_nonzero(np.bincount(of_positive, minlength=count))
    with_negative = np.count_nonzero(np.bincount(of_negative, minlength=count))
    if min(with_positive, with_negative) <= 1:
        return float("nan")
    x = np.bincount(of_positive, weights=above - above.mean(), minlength=count) / len(above)
    y = np.bincount(of_negative, weights=below - below.mean(), minlength=count) / len(below)
    return float(
        with_positive / (with_positive - 1) * (x @ x)
        + with_negative / (with_negative - 1) * (y @ y)
        + 2 * count / (count - 1) * (x @ y)
    )


def delong(
    positive: NDArray[np.bool_], ours: FloatArray, theirs: FloatArray, lesions: ArrayLike
) -> DeLong:
    """Test whether two models' scores rank the same images equally well.

    Args:
        positive: (N,) the truth, with both kinds present.
        ours: (N,) the first model's scores.
        theirs: (N,) the second one's.
        lesions: (N,) the lesion of each image, as names or numbers.

    Raises:
        ValueError: there are only positives or only negatives.
    """
    if positive.all() or not positive.any():
        raise ValueError("an area under the ROC curve needs positives and negatives")
    lesion = np.unique(lesions, return_inverse=True)[1]
    (above, below), (above_theirs, below_theirs) = (
        components(positive, scores) for scores in (ours, theirs)
    )
    value = float(above.mean() - above_theirs.mean())
    spread = variance(positive, above - above_theirs, below - below_theirs, lesion)
    # S11 can make it negative where few lesions hold both kinds: then there is no test.
    error = math.sqrt(spread) if spread >= 0 else float("nan")
    half = float(norm.ppf((1 + LEVEL) / 2)) * error
    return DeLong(
        ours=float(above.mean()),
        theirs=float(above_theirs.mean()),
        difference=Interval(value, value - half, value + half),
        p=_two_sided(value, error),
    )


def _two_sided(value: float, error: float) -> float:
    if error == 0:
        return 1.0 if value == 0 else float("nan")
    return float(2 * norm.sf(abs(value) / error))
