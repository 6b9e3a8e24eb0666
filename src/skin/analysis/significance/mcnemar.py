"""McNemar's test of two models' right and wrong decisions, for images that come in lesions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, norm

from skin.analysis.metrics import FloatArray
from skin.analysis.statistics import LEVEL, Interval


@dataclass(frozen=True)
class McNemar:
    """What the test found.

    Attributes:
        only_ours: images that only the first model decides right.
        only_theirs: images that only the second decides right.
        difference: the mean over lesions of the share decided right, ours minus theirs: each
            lesion counts once, however many images it has. The interval is the normal
            approximation's.
        statistic: chi-squared on one degree of freedom; NaN where no lesion differs.
        p: two-sided; 1 where no lesion differs.
    """

    only_ours: int
    only_theirs: int
    difference: Interval
    statistic: float
    p: float


def mcnemar(ours: NDArray[np.bool_], theirs: NDArray[np.bool_], lesions: ArrayLike) -> McNemar:
    """Test whether two models are right equally often, by Durkalski et al.

    V. Durkalski, Y. Palesch, S. Lipsitz, P. Rust, "Analysis of clustered matched-pair data",
    Statistics in Medicine 22:2417 (2003). Of lesion k with n_k images, b_k are right only in ours
    and c_k only in theirs:

        chi2 = (sum_k (b_k - c_k) / n_k)^2 / sum_k ((b_k - c_k) / n_k)^2

    It assumes nothing of how the images of a lesion hang together. Where each lesion has one
    image it is McNemar's (b - c)^2 / (b + c), without continuity correction.

    Args:
        ours: (N,) whether the first model decides each image right.
        theirs: (N,) the second one.
        lesions: (N,) the lesion of each image, as names or numbers.
    """
    lesion = np.unique(lesions, return_inverse=True)[1]
    signs = ours.astype(np.int64) - theirs
    shares = np.bincount(lesion, weights=signs) / np.bincount(lesion)
    spread = float((shares**2).sum())
    statistic = float(shares.sum() ** 2 / spread) if spread else float("nan")
    return McNemar(
        only_ours=int((signs > 0).sum()),
        only_theirs=int((signs < 0).sum()),
        difference=_mean(shares),
        statistic=statistic,
        p=float(chi2.sf(statistic, 1)) if spread else 1.0,
    )


def _mean(shares: FloatArray) -> Interval:
    mean = float(shares.mean())
    error = float(shares.std(ddof=1)) / len(shares) ** 0.5 if len(shares) > 1 else float("nan")
    half = float(norm.ppf((1 + LEVEL) / 2)) * error
    return Interval(mean, mean - half, mean + half)
