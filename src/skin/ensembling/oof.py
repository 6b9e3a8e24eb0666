"""Out-of-fold predictions of several runs, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skin.analysis.metrics import FloatArray, IntArray
from skin.taxonomy import Task


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Aligned out-of-fold predictions: R runs, N images, C classes.

    Attributes:
        task: what all runs predict.
        names: of the R runs.
        log_probabilities: (R, N, C), natural logarithms, classes in task order.
        targets: (N,) true class indices.
        lesions: (N,) lesion names.
        parts: (N,) the fold that holds each image out; no lesion is in two.
        image_ids: (N,), ascending.
        metadata: (N, M) as `encode_metadata` gives it; none if it is not known.
    """

    task: Task
    names: tuple[str, ...]
    log_probabilities: FloatArray
    targets: IntArray
    lesions: NDArray[np.str_]
    parts: IntArray
    image_ids: NDArray[np.str_]
    metadata: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: NDArray[np.bool_] | IntArray) -> OutOfFold:
        """Some of the images, by mask or by index."""
        return replace(
            self,
            log_probabilities=self.log_probabilities[:, rows],
            targets=self.targets[rows],
            lesions=self.lesions[rows],
            parts=self.parts[rows],
            image_ids=self.image_ids[rows],
            metadata=None if self.metadata is None else self.metadata[rows],
        )

    def only(self, runs: Sequence[int]) -> OutOfFold:
        """Some of the runs, by place."""
        return replace(
            self,
            names=tuple(self.names[run] for run in runs),
            log_probabilities=self.log_probabilities[list(runs)],
        )
