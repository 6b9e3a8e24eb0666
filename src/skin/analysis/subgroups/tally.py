"""Scores of every subgroup and of the rest, on the data and on resamples of its lesions.

All subgroups are counted at once: a resample is a weight a lesion, a score's parts are sums over
lesions, and the rest is the whole less the subgroup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skin.analysis import metrics
from skin.analysis.metrics import FloatArray, IntArray
from skin.analysis.subgroups.factors import Factor
from skin.taxonomy import Task

BoolArray = NDArray[np.bool_]
Scores = Mapping[str, tuple[FloatArray, FloatArray]]
"""Each measure in the subgroups and its gap to the rest, both (S, b)."""


@dataclass(frozen=True, eq=False)
class Groups:
    """The subgroups of all factors, in order, on one set of images.

    Attributes:
        targets: (N,) true class indices.
        lesion: (N,) lesion indices.
        task: names the classes and says which are malignant.
        factors: each divides all images.
        own: (S, C) the classes that a subgroup's BACC is the mean recall of.
        shared: (S, C) the classes that its gap to the rest in BACC is over.
    """

    targets: IntArray
    lesion: IntArray
    task: Task
    factors: Sequence[Factor]
    own: BoolArray
    shared: BoolArray

    @property
    def malignant(self) -> BoolArray:
        """(C,) which classes are."""
        return np.isin(self.task.codes, self.task.malignant)

    def indicator(self) -> sparse.csr_array:
        """(S, N) which images each subgroup holds."""
        return sparse.vstack([_indicator(factor) for factor in self.factors]).tocsr()

    def by_class(self, of_image: FloatArray) -> sparse.csr_array:
        """Sum a value of each image within subgroup, class and lesion: (S * C, L)."""
        rows, images = self.indicator().nonzero()
        cells = rows * len(self.task) + self.targets[images]
        size = (len(self.own) * len(self.task), int(self.lesion.max()) + 1)
        return sparse.coo_array((of_image[images], (cells, self.lesion[images])), size).tocsr()


class Tally:
    """One model's scores in every subgroup, for any weights of the lesions.

    Args:
        groups: the subgroups.
        probabilities: (N, C), that AUCs are of.
        scores: (N, C) whose argmax is the decision.
    """

    def __init__(self, groups: Groups, probabilities: FloatArray, scores: FloatArray) -> None:
        decided = metrics.decide(scores)
        suspected = np.append(groups.malignant, False)[decided]  # a tie decides for no class
        settled = decided < len(groups.task)
        as_it_is = np.where(groups.malignant[groups.targets], suspected, settled & ~suspected)
        self._groups = groups
        self._images = groups.by_class(np.ones(len(decided)))
        self._right = groups.by_class((decided == groups.targets).astype(np.float64))
        self._called = groups.by_class(as_it_is.astype(np.float64))
        positive, suspicion = metrics.malignancy(groups.targets, probabilities, groups.task)
        self._pairs = _Pairs(positive, suspicion, groups)

    def scores(self, weights: FloatArray) -> Scores:
        """Each measure within the subgroups and its gap to the rest: weights (L, b) to two (S, b).

        NaN where it is undefined. BACC is over `own` classes and its gap over `shared` ones.
        """
        images, right, called = (
            (counts @ weights).reshape(*self._groups.own.shape, -1)
            for counts in (self._images, self._right, self._called)
        )
        rest = [self._rest(part) for part in (images, right, called)]
        here, there = (metrics.ratio(right, images), metrics.ratio(rest[1], rest[0]))
        shared = self._groups.shared
        found = {"bacc": (_mean(here, self._groups.own), _mean(here - there, shared))}
        malignant = self._groups.malignant
        for name, classes in (("sensitivity", malignant), ("specificity", ~malignant)):
            share, share_of_rest = (
                metrics.ratio(part[:, classes].sum(axis=1), whole[:, classes].sum(axis=1))
                for part, whole in ((called, images), (rest[2], rest[0]))
            )
            found[name] = (share, share - share_of_rest)
        area, area_of_rest = self._pairs.areas(weights)
        found["malignant_auc"] = (area, area - area_of_rest)
        return found

    def _rest(self, part: FloatArray) -> FloatArray:
        """The whole less each subgroup; every factor's subgroups make up the whole."""
        first = len(self._groups.factors[0].levels)
        rest: FloatArray = part[:first].sum(axis=0) - part
        return rest


class _Pairs:
    """Pairs of a malignant and a benign image, ranked right: within subgroups and within the rest.

    The pairs within the rest are all pairs, less those with a malignant image in the subgroup,
    less those with a benign one in it, plus those with both.
    """

    def __init__(self, positive: BoolArray, scores: FloatArray, groups: Groups) -> None:
        self._positive_lesion = groups.lesion[positive]
        self._negative_lesion = groups.lesion[~positive]
        indicator = groups.indicator()
        self._of_positive = indicator[:, np.flatnonzero(positive)]
        self._of_negative = indicator[:, np.flatnonzero(~positive)]
        ours, others = scores[positive], scores[~positive]
        alike = np.zeros(len(ours), np.int64), np.zeros(len(others), np.int64)
        self._below = _Places(ours, others, *alike)
        self._above = _Places(-others, -ours, *reversed(alike))
        levels = [factor.of_image for factor in groups.factors]
        self._within = [_Places(ours, others, of[positive], of[~positive]) for of in levels]
        self._bounds = np.cumsum([0, *(len(factor.levels) for factor in groups.factors)])

    def areas(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """AUC within each subgroup, and within its rest: weights (L, b) to two (S, b)."""
        exact = weights.astype(np.float32)  # counts of images, far below 2^23
        positive, negative = exact[self._positive_lesion], exact[self._negative_lesion]
        won = positive * self._below.sums(negative)
        lost = negative * self._above.sums(positive)
        by_positive, by_negative = self._of_positive @ won, self._of_negative @ lost
        within = np.concatenate(
            [
                self._of_positive[start:end] @ (positive * places.sums(negative))
                for places, start, end in zip(
                    self._within, self._bounds[:-1], self._bounds[1:], strict=True
                )
            ]
        )
        whole = won.sum(axis=0)
        ours, theirs = self._of_positive @ positive, self._of_negative @ negative
        rest = (positive.sum(axis=0) - ours) * (negative.sum(axis=0) - theirs)
        return (
            metrics.ratio(within, ours * theirs),
            metrics.ratio(whole - by_positive - by_negative + within, rest),
        )


class _Places:
    """Where each score stands among others of its level, so that one sum serves all."""

    def __init__(
        self, scores: FloatArray, others: FloatArray, level: IntArray, other_level: IntArray
    ) -> None:
        values = np.unique(np.concatenate([scores, others]), return_inverse=True)[1]
        ranks = len(values) * np.concatenate([level, other_level]) + values
        ours, theirs = ranks[: len(scores)], ranks[len(scores) :]
        self._order = np.argsort(theirs, kind="stable")
        ordered = theirs[self._order]
        self._start = np.searchsorted(ordered, len(values) * level, side="left")
        self._below = np.searchsorted(ordered, ours, side="left")
        self._not_above = np.searchsorted(ordered, ours, side="right")

    def sums(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weigh, for each score, the lower others of its level, ties half: (M, b) to (N, b)."""
        total = np.zeros((len(self._order) + 1, weights.shape[1]), weights.dtype)
        np.cumsum(weights[self._order], axis=0, out=total[1:])
        found = total[self._below]
        found += total[self._not_above]
        found /= 2
        found -= total[self._start]
        return found


def _indicator(factor: Factor) -> sparse.coo_array:
    images = np.arange(len(factor.of_image))
    size = (len(factor.levels), len(images))
    return sparse.coo_array((np.ones(len(images)), (factor.of_image, images)), size)


def _mean(values: FloatArray, classes: BoolArray) -> FloatArray:
    """Mean over the second axis of what is defined: (S, C, b) and (S, C) to (S, b)."""
    kept = np.where(classes[:, :, None], values, np.nan)
    return metrics.mean_defined(np.moveaxis(kept, 1, -1))
