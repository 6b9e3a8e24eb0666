"""Scores of the same images in many conditions, resampled together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import sparse

from skin.analysis.metrics import TIED, FloatArray, IntArray, mean_defined
from skin.analysis.statistics import Interval, interval, lesion_weights
from skin.taxonomy import Task


@dataclass(frozen=True, eq=False)
class Resampled:
    """A score of K conditions on the data, and on B resamples of its lesions.

    Attributes:
        scores: (K,).
        samples: (K, B).
    """

    scores: FloatArray
    samples: FloatArray

    def __getitem__(self, chosen: Sequence[int]) -> Resampled:
        return Resampled(self.scores[chosen], self.samples[chosen])

    def mean(self) -> Interval:
        """The interval of the mean over the conditions."""
        return interval(float(self.scores.mean()), self.samples.mean(axis=0))

    def mean_difference(self, other: Resampled) -> Interval:
        """The interval of the mean over the conditions less that of others, paired."""
        return interval(
            float(self.scores.mean() - other.scores.mean()),
            self.samples.mean(axis=0) - other.samples.mean(axis=0),
        )


def balanced_accuracies(
    targets: IntArray,
    decisions: IntArray,
    lesions: ArrayLike,
    *,
    classes: int,
    resamples: int,
    seed: int,
) -> Resampled:
    """BACC in each condition, as `skin.analysis.statistics.bootstrap` has it for one.

    Args:
        targets: (N,) true class indices.
        decisions: (K, N) decided class indices; `classes` for none, which is wrong.
        lesions: (N,) the lesion of each image.
        classes: C.
        resamples: B, of the bootstrap.
        seed: of the resamples.
    """
    names, lesion = np.unique(lesions, return_inverse=True)
    conditions, images = decisions.shape
    condition, image = np.nonzero(decisions == targets)
    hits = sparse.coo_array(
        (np.ones(len(image)), (condition * classes + targets[image], lesion[image])),
        (conditions * classes, len(names)),
    ).tocsr()
    support = sparse.coo_array((np.ones(images), (targets, lesion)), (classes, len(names))).tocsr()

    def score(weights: FloatArray) -> FloatArray:
        """Weights (L, b) to BACC (K, b)."""
        found = (hits @ weights).reshape(conditions, classes, -1)
        there = support @ weights
        recalls = np.full(found.shape, np.nan)
        np.divide(found, there, out=recalls, where=np.broadcast_to(there > 0, found.shape))
        return mean_defined(np.moveaxis(recalls, 1, -1))

    values = score(np.ones((len(names), 1)))[:, 0]
    samples = [score(weights) for weights in lesion_weights(len(names), resamples, seed)]
    return Resampled(values, np.concatenate(samples, axis=1))


def score_decisions(
    table: pd.DataFrame, task: Task, conditions: Sequence[str], resamples: int, seed: int
) -> Resampled:
    """BACC of some columns of a table of decisions, as the probe of corruptions leaves it.

    Args:
        table: `target` and `lesion_id`, and a class code for each condition.
        task: that the codes are of.
        conditions: the columns.
        resamples: of the bootstrap.
        seed: of the resamples.
    """
    index = {code: place for place, code in enumerate((*task.codes, TIED))}
    return balanced_accuracies(
        np.array(table["target"].map(index), np.int64),
        np.array([table[column].map(index) for column in conditions], np.int64),
        table["lesion_id"].to_numpy(dtype=str),
        classes=len(task),
        resamples=resamples,
        seed=seed,
    )
