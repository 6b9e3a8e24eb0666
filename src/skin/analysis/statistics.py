"""How sure a score is: a percentile bootstrap over lesions.

Images of one lesion resemble each other, so lesions are the independent draws: each resample takes
as many lesions as there are, with replacement, and keeps all images of each (Field and Welsh 2007,
"Bootstrapping clustered data"). Intervals hold 95 %. They tell how much a score would vary with
other lesions, not with another training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from skin.analysis import metrics
from skin.analysis.metrics import FloatArray, IntArray, Scores
from skin.analysis.ranking import Ranking
from skin.taxonomy import Task

LEVEL = 0.95
_AT_ONCE = 100  # resamples held in memory together: 8 MB for each array of 10,000 images


@dataclass(frozen=True)
class Interval:
    """A score on the data and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside, as for a difference that sampling noise does not explain."""
        return self.low > 0 or self.high < 0

    def beats_chance(self, classes: int) -> bool:
        """Whether all of it lies above the BACC of guessing among `classes` classes."""
        return self.low > 1 / classes


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Scores on the data and on B resamples of its lesions.

    Attributes:
        scores: on the data itself.
        samples: for each score's name, its (B,) resampled values; `recall` is (B, C).
        lesions: (N,) the lesion index of each image.
        targets: (N,) the true class of each image.
        seed: the seed of the resamples.
    """

    scores: Scores
    samples: dict[str, FloatArray]
    lesions: IntArray
    targets: IntArray
    seed: int

    def interval(self, name: str) -> Interval:
        """The interval of a score that is one number, as `bacc`."""
        return interval(getattr(self.scores, name), self.samples[name])

    def recall_intervals(self) -> tuple[Interval, ...]:
        """The interval of each class's recall, in task order."""
        samples = self.samples["recall"].T
        return tuple(map(interval, self.scores.recall, samples))


def bootstrap(
    targets: IntArray,
    probabilities: FloatArray,
    lesions: ArrayLike,
    task: Task,
    *,
    scores: FloatArray | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Bootstrap:
    """Score predictions on the data and on resamples of its lesions.

    A resample that happens to lack a class scores over those it has, as a score on data does.

    Args:
        targets: (N,) true class indices.
        probabilities: (N, C), in task order. AUCs are of these.
        lesions: (N,) the lesion of each image, as names or numbers.
        task: names the classes and says which are malignant.
        scores: (N, C), whose argmax is the decision, as a rule makes them; the probabilities if
            not given. All but the AUCs follow from these.
        resamples: B, how many resamples.
        seed: fixes the resamples: the same lesions and seed give the same ones.
    """
    if scores is None:
        scores = probabilities
    on_data = metrics.score(targets, probabilities, task, scores)
    names, lesion = np.unique(lesions, return_inverse=True)
    tally = _LesionTally(targets, scores, lesion, task)
    ranking = [
        Ranking(targets == index, probabilities[:, index], lesion) for index in range(len(task))
    ]
    malignant = Ranking(*metrics.malignancy(targets, probabilities, task), lesion)
    parts: dict[str, list[FloatArray]] = {}
    for weights in lesion_weights(len(names), resamples, seed):
        confusion = tally.confusion(weights)
        areas = np.stack([one.auc(weights) for one in ranking], axis=-1)
        for name, values in (
            ("accuracy", metrics.accuracy(confusion)),
            ("bacc", metrics.balanced_accuracy(confusion)),
            ("macro_f1", metrics.macro_f1(confusion)),
            ("macro_auc", metrics.mean_defined(areas)),
            ("malignant_auc", malignant.auc(weights)),
            ("recall", metrics.recall(confusion)),
        ):
            parts.setdefault(name, []).append(values)
    samples = {name: np.concatenate(values) for name, values in parts.items()}
    return Bootstrap(on_data, samples, lesion, targets, seed)


def paired_difference(ours: Bootstrap, theirs: Bootstrap, name: str = "bacc") -> Interval:
    """The interval of a score's difference, ours minus theirs, on the same resamples.

    Raises:
        ValueError: the two are not of the same images in the same order, or not of one seed.
    """
    if not (
        ours.seed == theirs.seed
        and len(ours.samples[name]) == len(theirs.samples[name])
        and np.array_equal(ours.lesions, theirs.lesions)
        and np.array_equal(ours.targets, theirs.targets)
    ):
        raise ValueError("a paired difference needs the same images, lesions, targets and seed")
    value = getattr(ours.scores, name) - getattr(theirs.scores, name)
    return interval(value, ours.samples[name] - theirs.samples[name])


def lesion_weights(lesions: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Say how often each resample drew each lesion, as chunks (L, b) of multinomial counts."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _AT_ONCE):
        size = min(_AT_ONCE, resamples - start)
        drawn = rng.integers(lesions, size=(size, lesions))
        cells = drawn * size + np.arange(size)[:, None]
        counts = np.bincount(cells.ravel(), minlength=lesions * size)
        yield counts.reshape(lesions, size).astype(np.float64)


class _LesionTally:
    """Each lesion's own confusion counts: a resample's matrix is their weighted sum."""

    def __init__(self, targets: IntArray, scores: FloatArray, lesion: IntArray, task: Task) -> None:
        self._shape = (len(task), len(task) + 1)
        cell = targets * self._shape[1] + metrics.decide(scores)
        size = (self._shape[0] * self._shape[1], lesion.max() + 1)
        self._counts = sparse.coo_array((np.ones(len(cell)), (cell, lesion)), size).tocsr()

    def confusion(self, weights: FloatArray) -> FloatArray:
        """Sum up: weights (L, b) to confusion matrices (b, C, C + 1)."""
        counts: FloatArray = self._counts @ weights
        return counts.T.reshape(-1, *self._shape)


def interval(value: float, samples: FloatArray) -> Interval:
    """The percentile interval of a score from its resampled values (B,), NaN left out."""
    defined = samples[~np.isnan(samples)]
    if not len(defined):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
