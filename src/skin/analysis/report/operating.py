"""Malignant against benign at fixed specificity and at fixed sensitivity, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skin.analysis import metrics
from skin.analysis.metrics import FloatArray
from skin.analysis.report.compare import Row
from skin.analysis.statistics import Interval, interval, lesion_weights

LEVELS = (0.80, 0.90, 0.95)
_ROUNDING = 1e-9  # of counts, so that a specificity of exactly the level counts


@dataclass(frozen=True)
class OperatingPoints:
    """What a row reaches where a threshold on its malignant probability is set to a level.

    The threshold of each figure is set on the images that it is measured on, and of each resample
    on that resample: the figures are those of the ROC curve, not of a threshold fixed beforehand,
    which would reach its level only about.

    Attributes:
        sensitivity: at a specificity of at least each of `LEVELS`, the highest there is.
        specificity: at a sensitivity of at least each of `LEVELS`, the highest there is.
        average_precision: the sum over thresholds of the gain in sensitivity times the precision,
            without interpolation, as scikit-learn has it.
    """

    sensitivity: tuple[Interval, ...]
    specificity: tuple[Interval, ...]
    average_precision: Interval


def operating_points(row: Row) -> OperatingPoints | None:
    """Measure a row on its images and on its own resamples of their lesions.

    Returns:
        None where malignant or benign images do not occur.
    """
    entry, boot = row.entry, row.bootstrap
    positive, scores = metrics.malignancy(entry.targets, entry.probabilities, entry.task)
    if positive.all() or not positive.any():
        return None
    sweep = _Sweep(positive, scores, boot.lesions)
    lesions = int(boot.lesions.max()) + 1
    (on_data,) = sweep.measure(np.ones((lesions, 1))).T
    resamples = len(boot.samples["bacc"])
    samples = np.hstack(
        [sweep.measure(weights) for weights in lesion_weights(lesions, resamples, boot.seed)]
    )
    intervals = [
        interval(float(value), drawn) for value, drawn in zip(on_data, samples, strict=True)
    ]
    count = len(LEVELS)
    return OperatingPoints(
        tuple(intervals[:count]), tuple(intervals[count : 2 * count]), intervals[-1]
    )


class _Sweep:
    """Images from the highest score down: one sort serves the thresholds of every resample."""

    def __init__(
        self, positive: NDArray[np.bool_], scores: FloatArray, lesions: NDArray[np.int64]
    ) -> None:
        order = np.argsort(-scores, kind="stable")
        self._positive = positive[order][:, None]
        self._lesions = lesions[order]
        falling = scores[order]
        self._last_of_tie = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))

    def measure(self, weights: FloatArray) -> FloatArray:
        """Weights (L, b) to sensitivities, specificities and the average precision (7, b)."""
        drawn = weights[self._lesions]
        hits = self._cumulated(np.where(self._positive, drawn, 0))
        alarms = self._cumulated(np.where(self._positive, 0, drawn))
        positives, negatives = hits[-1], alarms[-1]
        column = np.arange(weights.shape[1])
        with np.errstate(invalid="ignore", divide="ignore"):  # a resample may lack one of the two
            sensitivities = [
                hits[(alarms <= (1 - level) * negatives + _ROUNDING).sum(axis=0) - 1, column]
                / positives
                for level in LEVELS
            ]
            specificities = [
                1 - alarms[(hits < level * positives - _ROUNDING).sum(axis=0), column] / negatives
                for level in LEVELS
            ]
            precision = hits[1:] / np.maximum(hits[1:] + alarms[1:], 1)
            area = (np.diff(hits, axis=0) * precision).sum(axis=0) / positives
        measured = np.stack([*sensitivities, *specificities, area])
        return np.where((positives > 0) & (negatives > 0), measured, np.nan)

    def _cumulated(self, counts: FloatArray) -> FloatArray:
        """Counts (N, b) above each threshold that tells images apart, none first: (T + 1, b)."""
        above = counts.cumsum(axis=0)[self._last_of_tie]
        return np.vstack([np.zeros_like(above[:1]), above])
