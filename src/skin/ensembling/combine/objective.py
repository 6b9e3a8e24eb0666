"""Balanced accuracy and log loss of mixtures of runs, quick enough to be asked a thousand times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skin.analysis.metrics import FloatArray, IntArray
from skin.ensembling.oof import OutOfFold

# What a true class is given at least where a log loss is taken, so that it stays finite.
LEAST = 1e-15
_DIGITS = 12  # to which a balanced accuracy is compared: equal ones may round differently


@dataclass(frozen=True, eq=False)
class Objective:
    """What is asked of a mixture of R runs on N images of C classes.

    A mixture is (..., C, N): the probabilities of each image's true class first, then the others'
    in any order, the images sorted by their true class. It need not be normalised for `bacc`.

    Attributes:
        probabilities: (R, C, N) of the runs, as a mixture has them.
        starts: where each class that occurs begins among the images.
        counts: how many images it has.
    """

    probabilities: FloatArray
    starts: IntArray
    counts: IntArray

    @classmethod
    def of(cls, oof: OutOfFold) -> Objective:
        """Sort out-of-fold predictions."""
        order = np.argsort(oof.targets, kind="stable")
        targets = oof.targets[order]
        places = (targets[:, None] + np.arange(len(oof.task))) % len(oof.task)
        probabilities = np.exp(oof.log_probabilities[:, order])
        arranged = np.take_along_axis(probabilities, places[None], axis=2)
        _, starts, counts = np.unique(targets, return_index=True, return_counts=True)
        return cls(np.ascontiguousarray(arranged.transpose(0, 2, 1)), starts, counts)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.probabilities)

    @cached_property
    def shares(self) -> FloatArray:
        """(N,) what each image counts for where all classes that occur count alike."""
        return np.repeat(1 / (len(self.counts) * self.counts), self.counts)

    def mix(self, weights: FloatArray) -> FloatArray:
        """The mean of the runs with weights (R,)."""
        mixture: FloatArray = np.tensordot(weights, self.probabilities, axes=1)
        return mixture

    def bacc(self, mixture: FloatArray) -> FloatArray:
        """Mean recall over the classes that occur: (..., C, N) to (...); a tie is wrong."""
        right = mixture[..., 0, :] > mixture[..., 1:, :].max(axis=-2)
        hits = np.add.reduceat(right, self.starts, axis=-1, dtype=np.int64)
        return np.asarray((hits / self.counts).mean(axis=-1).round(_DIGITS))

    def log_loss(self, mixture: FloatArray) -> FloatArray:
        """Class-balanced log loss: (..., C, N) to (...)."""
        return np.asarray(-np.log(np.maximum(mixture[..., 0, :], LEAST)) @ self.shares)
