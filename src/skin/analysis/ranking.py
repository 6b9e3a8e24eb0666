"""Areas under the ROC curve of many resamples at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skin.analysis.metrics import FloatArray, IntArray, ratio


class Ranking:
    """Positives among sorted negatives: one sort serves the areas of every resample.

    Args:
        positive: (N,).
        scores: (N,), higher for positives.
        lesion: (N,) numbers, the rows of the weights.
    """

    def __init__(self, positive: NDArray[np.bool_], scores: FloatArray, lesion: IntArray) -> None:
        order = np.argsort(scores[~positive], kind="stable")
        negatives = scores[~positive][order]
        self._negative_lesions = lesion[~positive][order]
        falling = np.argsort(-scores[positive], kind="stable")
        positives = scores[positive][falling]
        self._positive_lesions = lesion[positive][falling]
        self._below = np.searchsorted(negatives, positives, side="left")
        self._not_above = np.searchsorted(negatives, positives, side="right")
        self._first_of_tie = np.flatnonzero(np.append(True, positives[1:] != positives[:-1]))

    def auc(self, weights: FloatArray) -> FloatArray:
        """Weighted Mann-Whitney statistic, ties half: weights (L, b) to (b,).

        NaN for a resample without a positive or without a negative.
        """
        positive, negative = self._drawn(weights)
        won = (negative[self._below] + negative[self._not_above]) / 2
        return ratio((positive * won).sum(axis=0), positive.sum(axis=0) * negative[-1])

    def partial_auc(self, weights: FloatArray, sensitivity: float) -> FloatArray:
        """Area between the ROC curve and the line of a sensitivity: weights (L, b) to (b,).

        The sum over the positives' scores, from the highest: each raises the sensitivity while the
        specificity falls, in a straight line where negatives are tied with it.
        NaN for a resample without a positive or without a negative.
        """
        positive, negative = self._drawn(weights)
        first = self._first_of_tie
        if not len(self._positive_lesions) or not len(self._negative_lesions):
            return np.full(weights.shape[1], np.nan)
        found = np.cumsum(np.add.reduceat(positive, first, axis=0), axis=0)
        reached = ratio(found, found[-1])  # (T, b) sensitivities
        before = np.vstack([np.zeros_like(reached[:1]), reached[:-1]])
        specificity = ratio(negative[self._below[first]], negative[-1])
        specificity_before = ratio(negative[self._not_above[first]], negative[-1])
        start = np.clip(sensitivity, before, reached)
        step = reached - before
        way = np.divide(start - before, step, out=np.zeros_like(step), where=step > 0)
        at_start = specificity_before + way * (specificity - specificity_before)
        area: FloatArray = ((reached - start) * (at_start + specificity) / 2).sum(axis=0)
        return area

    def _drawn(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What each positive weighs, and the negatives cumulated from the lowest: (n + 1, b)."""
        negative = np.zeros((len(self._negative_lesions) + 1, weights.shape[1]))
        np.cumsum(weights[self._negative_lesions], axis=0, out=negative[1:])
        return weights[self._positive_lesions], negative
