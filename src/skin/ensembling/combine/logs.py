"""Log-probabilities: checks, normalisation and log-odds that no zero breaks."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from skin.analysis.metrics import FloatArray

# Stands for a probability of exactly 0, so that sums of logarithms stay finite. It is below every
# logarithm of a positive float64 (-745.1), and below what a network's log-softmax gives.
ZERO = -1e4


def check_runs(log_probabilities: FloatArray, runs: int, classes: int | None = None) -> None:
    """Raise ValueError unless there are (runs, N, classes) numbers; None: any number of classes."""
    shape = log_probabilities.shape
    if len(shape) != 3:  # noqa: PLR2004 - runs, images, classes
        raise ValueError(f"expected log-probabilities (runs, images, classes), got shape {shape}")
    if shape[0] != runs:
        raise ValueError(f"{shape[0]} runs for a combiner of {runs}")
    if classes is not None and shape[2] != classes:
        raise ValueError(f"{shape[2]} classes for a combiner of {classes}")
    if np.isnan(log_probabilities).any():
        raise ValueError("log-probabilities must not be NaN")


def normalise(logs: FloatArray) -> FloatArray:
    """Shift each row (N, C) so that its probabilities sum to 1."""
    normalised: FloatArray = logs - logsumexp(logs, axis=-1, keepdims=True)
    return normalised


def without_zeros(log_probabilities: FloatArray) -> FloatArray:
    """Lift what is below `ZERO` to it."""
    return np.maximum(log_probabilities, ZERO)


def log_odds(log_probabilities: FloatArray) -> FloatArray:
    """The log-odds of each class against the rest: (..., C) to (..., C), finite.

    1 - p is the sum of the other classes' probabilities, not a difference, so that a p that rounds
    to 1 keeps its odds.
    """
    logs = without_zeros(log_probabilities)
    classes = logs.shape[-1]
    rest = [logsumexp(np.delete(logs, c, axis=-1), axis=-1) for c in range(classes)]
    odds: FloatArray = logs - np.stack(rest, axis=-1)
    return odds
