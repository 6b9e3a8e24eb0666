"""Intervals of shares and means that the comparison itself does not hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skin.analysis import metrics
from skin.analysis.metrics import FloatArray
from skin.analysis.report.compare import Row
from skin.analysis.statistics import Interval, interval, lesion_weights


def mean_intervals(row: Row, values: Sequence[FloatArray]) -> list[Interval]:
    """The intervals of means over images, on the row's own resamples of its lesions.

    Args:
        row: whose lesions are resampled, by the seed and as often as its scores were.
        values: each (N,), of which the mean over images is wanted.
    """
    boot = row.bootstrap
    lesions = int(boot.lesions.max()) + 1
    sums = np.stack([np.bincount(boot.lesions, each, lesions) for each in values])
    images = np.bincount(boot.lesions, minlength=lesions)
    resamples = len(boot.samples["bacc"])
    samples = np.hstack(
        [
            (sums @ weights) / (images @ weights)
            for weights in lesion_weights(lesions, resamples, boot.seed)
        ]
    )
    return [
        interval(float(each.mean()), drawn) for each, drawn in zip(values, samples, strict=True)
    ]


def rates(row: Row) -> FloatArray:
    """The share of each true class that is decided for each class, (C, C + 1); NaN if absent."""
    return _of_true(row.scores.confusion)


def rate_samples(row: Row) -> FloatArray:
    """The same on each of the row's own resamples: (B, C, C + 1)."""
    boot, entry = row.bootstrap, row.entry
    classes = len(entry.task)
    cell = entry.targets * (classes + 1) + metrics.decide(entry.scores)
    shape = (classes * (classes + 1), int(boot.lesions.max()) + 1)
    counts = sparse.coo_array((np.ones(len(cell)), (cell, boot.lesions)), shape).tocsr()
    resamples = len(boot.samples["bacc"])
    drawn = [counts @ each for each in lesion_weights(shape[1], resamples, boot.seed)]
    return _of_true(np.hstack(drawn).T.reshape(resamples, classes, classes + 1))


def _of_true(confusion: NDArray[np.number]) -> FloatArray:
    return metrics.ratio(confusion, confusion.sum(axis=-1, keepdims=True))
