"""Which images are none of the classes: an outlier score and the threshold above which it tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from skin.analysis.metrics import FloatArray, IntArray
from skin.taxonomy import OUTSIDE

ScoreName = Literal["max_probability", "entropy", "energy", "mahalanobis"]

_ROUNDING = 1e-9  # so that 0.9 of 10 images are 9, not a rounding error more
_FARTHEST = 700.0  # beyond it an exponential is no number


class _Fitted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Standard(_Fitted):
    """How a model's outlier score is brought to the scale that all models share.

    Attributes:
        mean: of the known images that the model holds out.
        scale: their standard deviation; 1 where they all have the same score.
    """

    mean: float
    scale: Annotated[float, Field(gt=0)]

    @classmethod
    def of(cls, scores: FloatArray) -> Standard:
        """Of the scores (n,) of a model's own held-out known images."""
        scale = float(scores.std())
        return cls(mean=float(scores.mean()), scale=scale if scale > 0 else 1.0)

    def apply(self, scores: FloatArray) -> FloatArray:
        """Standardise scores of that model, of any shape."""
        return (scores - self.mean) / self.scale


class Unknown(_Fitted):
    """Which images an ensemble takes for none of the classes.

    The ensemble's score of an image is the mean, over its runs, of the mean over a run's folds, of
    the models' scores, each standardised by its own `Standard`. Out of fold, where one model of
    each run is asked, it is the mean over the runs. The threshold is fitted there, so that the
    larger mean, which varies less, keeps rather more of the known images than was asked.

    Attributes:
        score: of each model; a key of `SCORES` in `skin.models.outliers`.
        kept: the share of known images that was to be kept, all classes weighing alike.
        threshold: of the standardised score; what is above it is unknown.
        standards: one a run and fold, in the ensemble's order.
    """

    score: ScoreName
    kept: Annotated[float, Field(gt=0, lt=1)]
    threshold: float
    standards: tuple[tuple[Standard, ...], ...]

    def combine(self, scores: Sequence[Sequence[FloatArray]]) -> FloatArray:
        """Give the ensemble's score (n,) for each run's folds' scores (n,)."""
        runs = [
            np.mean([own.apply(of) for own, of in zip(standards, folds, strict=True)], axis=0)
            for standards, folds in zip(self.standards, scores, strict=True)
        ]
        mean: FloatArray = np.mean(runs, axis=0)
        return mean

    def odds(self, scores: FloatArray) -> FloatArray:
        """How far the ensemble's scores (n,) are beyond the threshold; see `odds_of`."""
        return odds_of(scores, self.threshold)

    def check(self, folds: Sequence[int]) -> None:
        """Raise ValueError unless there is a standard for each of the runs' folds."""
        if [len(each) for each in self.standards] != list(folds):
            raise ValueError("the standards of the outlier scores are not those of the models")


def odds_of(scores: FloatArray, threshold: float | FloatArray) -> FloatArray:
    """The exponential of how far scores (n,) lie above the threshold.

    It rises with the score, and is above 1 exactly where the score is above the threshold, however
    little.
    """
    excess = (scores - threshold).clip(-_FARTHEST, _FARTHEST)
    raw = np.exp(excess)
    above = scores > threshold
    odds: FloatArray = np.where(above, np.maximum(raw, np.nextafter(1, 2)), np.minimum(raw, 1))
    return odds


def fit_threshold(scores: FloatArray, targets: IntArray, kept: float) -> float:
    """The lowest of the scores that keeps at least that share of the known images.

    Each class weighs alike, as in balanced accuracy: the share is the mean over the classes of the
    share of a class's images whose score is not above the threshold.

    Args:
        scores: (n,), higher is more likely unknown.
        targets: (n,) class indices; images outside the classes are left out.
        kept: the share, between 0 and 1.

    Raises:
        ValueError: there is no known image, or the share is not between 0 and 1.
    """
    known = targets != OUTSIDE
    if not known.any() or not 0 < kept < 1:
        raise ValueError(f"cannot keep a share of {kept} of {known.sum()} known images")
    scores, weights = scores[known], class_weights(targets[known])
    order = np.argsort(scores, kind="stable")
    share = np.cumsum(weights[order])
    first = int(np.searchsorted(share, kept - _ROUNDING))
    return float(scores[order][min(first, len(scores) - 1)])


def class_weights(targets: IntArray) -> FloatArray:
    """Weights (n,) that sum to 1, and for each class there to the same."""
    classes, index, counts = np.unique(targets, return_inverse=True, return_counts=True)
    weights: FloatArray = 1 / (len(classes) * counts[index])
    return weights


def kept_shares(unknown: NDArray[np.bool_], targets: IntArray, classes: int) -> FloatArray:
    """The share of each class's images that is not taken for unknown: (C,); NaN for no image."""
    known = targets != OUTSIDE
    count = np.bincount(targets[known], minlength=classes)
    kept = np.bincount(targets[known], ~unknown[known], minlength=classes)
    shares = np.full(classes, np.nan)
    np.divide(kept, count, out=shares, where=count > 0)
    return shares
