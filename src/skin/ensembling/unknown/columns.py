"""The column of a submission for lesions that are none of the classes."""

from __future__ import annotations

import numpy as np

from skin.analysis.metrics import FloatArray

_HALF = 0.5


def with_unknown(values: FloatArray, odds: FloatArray) -> FloatArray:
    """Add the column of unknown lesions: (n, C) in [0, 1] to (n, C + 1) in [0, 1].

    The last column is the only highest of its row exactly where the odds are above 1, so that a
    scorer that knows nothing but argmax decides as the threshold does. An image that is known
    keeps its values; those of an unknown one are halved, which is exact in floating point, so
    that the classes keep their order and their ties (down to 1e-300).

    The column rises with the odds, so that it ranks images as the outlier score does: it is
    odds / (1 + odds) above 1, and odds / 2C up to 1, which is below the highest of C shares that
    sum to 1. Where the values do not and all are smaller, it is half of the highest.

    Args:
        values: of the classes, in [0, 1].
        odds: (n,) from 0 to infinity; see `Unknown.odds`.

    Raises:
        ValueError: the shapes do not match, a value is outside [0, 1], or odds are below 0.
    """
    if values.ndim != 2 or odds.shape != values.shape[:1]:  # noqa: PLR2004 - images, classes
        raise ValueError(f"expected values (n, C) and odds (n,), got {values.shape}, {odds.shape}")
    if not (((values >= 0) & (values <= 1)).all() and (odds >= 0).all()):
        raise ValueError("expected values in [0, 1] and odds not below 0")
    unknown = odds > 1
    highest = values.max(axis=1)
    with np.errstate(divide="ignore", over="ignore"):  # of odds of about 0, not used here
        above = (1 / (1 + 1 / odds)).clip(np.nextafter(_HALF, 1), 1)
    below = np.minimum(odds / (2 * values.shape[1]), highest / 2)
    column = np.where(unknown, above, below)
    known = np.where(unknown[:, None], values / 2, values)
    return np.column_stack([known, column])
