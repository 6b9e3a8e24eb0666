"""P-values: from resamples, corrected for their number, and in writing."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.stats.multitest import multipletests

from skin.analysis.metrics import FloatArray
from skin.analysis.text import DASH

ALPHA = 0.05
"""The level of all tests, after correction."""


def smallest_p(resamples: int) -> float:
    """The smallest two-sided p-value that so many bootstrap resamples can give."""
    return 2 / (resamples + 1)


def bootstrap_p(differences: FloatArray) -> float:
    """The two-sided p-value of a paired difference from its resampled values (B,).

    Twice the share of resamples on the smaller side of zero, zero counting on both, with one
    added to each count so that it is never 0 (A. Davison and D. Hinkley, *Bootstrap Methods and
    their Application*, 1997, section 4.2). It says what the percentile interval says: but for the
    one that is added, p is below 0.05 where the 95 % interval leaves zero out. Undefined resamples
    are left out.
    """
    defined = differences[~np.isnan(differences)]
    if not len(defined):
        return float("nan")
    side = min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0))
    return float(min(1.0, 2 * (side + 1) / (len(defined) + 1)))


def holm(p_values: ArrayLike) -> FloatArray:
    """Correct the p-values of one family by Holm's step-down method; NaN is not of the family.

    S. Holm, Scandinavian Journal of Statistics 6:65 (1979): the chance of one false claim or more
    is held, whatever the tests' dependence.
    """
    values = np.asarray(p_values, dtype=np.float64)
    corrected = np.full(values.shape, np.nan)
    defined = ~np.isnan(values)
    if defined.any():
        corrected[defined] = multipletests(values[defined], method="holm")[1]
    return corrected


def p_text(p: float) -> str:
    """A p-value to three decimals."""
    if np.isnan(p):
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}"  # noqa: PLR2004 - where three decimals end


def too_coarse(resamples: int, family: int) -> bool:
    """Whether so few resamples cannot tell one of a family of so many differences apart."""
    return family * smallest_p(resamples) >= ALPHA
