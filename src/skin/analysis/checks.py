"""What arrays of probabilities and targets must be, for code that is handed them."""

from __future__ import annotations

import numpy as np

from skin.analysis.metrics import FloatArray, IntArray

_ROUNDING = 1e-6  # by which a row's sum may miss 1


def check_probabilities(probabilities: FloatArray, classes: int | None = None) -> None:
    """Raise ValueError unless each row (N, C) is a distribution; N may be 0.

    Args:
        probabilities: to check.
        classes: C; none takes any from 2 on.
    """
    _check_shape(probabilities, classes)
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities must be finite")
    if (probabilities < 0).any() or (probabilities > 1 + _ROUNDING).any():
        raise ValueError("probabilities must lie between 0 and 1")
    if (np.abs(probabilities.sum(axis=1) - 1) > _ROUNDING).any():
        raise ValueError("each image's probabilities must sum to 1")


def check_log_probabilities(log_probabilities: FloatArray, classes: int | None = None) -> None:
    """Raise ValueError unless each row (N, C) is finite logarithms of a distribution."""
    _check_shape(log_probabilities, classes)
    if not np.isfinite(log_probabilities).all():
        raise ValueError("log-probabilities must be finite")
    check_probabilities(np.exp(log_probabilities), classes)


def check_targets(targets: IntArray, images: int, classes: int) -> None:
    """Raise ValueError unless there is one class index for each of N > 0 images."""
    if targets.shape != (images,) or not images:
        raise ValueError(f"expected targets ({images},) of at least 1 image, got {targets.shape}")
    if targets.dtype.kind != "i" or targets.min() < 0 or targets.max() >= classes:
        raise ValueError(f"targets must be class indices 0 to {classes - 1}")


def _check_shape(values: FloatArray, classes: int | None) -> None:
    fits = values.ndim == 2 and values.shape[1] >= 2 and classes in {None, values.shape[1]}  # noqa: PLR2004 - two axes, two classes
    if not fits:
        raise ValueError(f"expected an array (N, {classes or 'C > 1'}), got {values.shape}")
