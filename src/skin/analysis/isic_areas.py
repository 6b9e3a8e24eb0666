"""Figures of one column that follow from the order of its values, as the challenges define them.

Each takes the truth (N,), the values (N,) and what each image weighs (N,), above 0; none weighs
all alike.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

SENSITIVITY: Final = 0.80
"""Where the partial areas begin."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def auc(actual: Bools, values: Floats, weight: Floats | None = None) -> float:
    """Area under the ROC curve; NaN unless there are images of both kinds."""
    if actual.all() or not actual.any():
        return np.nan
    return float(metrics.roc_auc_score(actual, values, sample_weight=weight))


def partial_auc(actual: Bools, values: Floats, weight: Floats | None = None) -> float:
    """Area between the ROC curve and the line of 80 % sensitivity, by which ISIC 2024 ranks.

    0 to 0.2; a constant scores 0.02. NaN unless there are images of both kinds. As the organisers
    define it (github.com/ISIC-Research/Challenge-2024-Metrics, with which `scripts/check-scorer`
    compares it): with both kinds and the order of the values turned about, it is the area at
    false-positive rates up to 0.2, which scikit-learn gives rescaled to 0.5 to 1 (McClish 1989).
    """
    if actual.all() or not actual.any():
        return np.nan
    reach = 1 - SENSITIVITY
    standardised = metrics.roc_auc_score(~actual, -values, sample_weight=weight, max_fpr=reach)
    chance = reach**2 / 2
    return float(chance + (2 * standardised - 1) * (reach - chance))


def auc_from_sensitivity(actual: Bools, values: Floats, weight: Floats | None = None) -> float:
    """Area under the part of the ROC curve with a sensitivity of 80 % and more, 1.0 at best.

    The official scorer's `auc_sens_80`: the area reaches down to the axis. It is neither rescaled
    nor cut at the bottom. NaN unless there are images of both kinds.
    """
    if actual.all() or not actual.any():
        return np.nan
    fp_rate, tp_rate, _ = metrics.roc_curve(
        actual, values, sample_weight=weight, drop_intermediate=False
    )
    first = np.searchsorted(tp_rate, SENSITIVITY)  # never 0: the curve begins at (0, 0)
    start = np.interp(SENSITIVITY, tp_rate[first - 1 : first + 1], fp_rate[first - 1 : first + 1])
    return float(metrics.auc(np.r_[start, fp_rate[first:]], np.r_[SENSITIVITY, tp_rate[first:]]))


def average_precision(actual: Bools, values: Floats, weight: Floats | None = None) -> float:
    """Average precision; 0 where no image is of the class, NaN where there is no image."""
    if not actual.any():
        return 0.0 if len(actual) else np.nan
    return float(metrics.average_precision_score(actual, values, sample_weight=weight))
