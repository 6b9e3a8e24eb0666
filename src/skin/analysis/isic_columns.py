"""A task's classes as the columns of a challenge: what is true, and with which probability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skin.analysis.metrics import FloatArray, IntArray
from skin.taxonomy import Challenge, Task, column_parts


class Columns(NamedTuple):
    """The columns that have classes; one of lesions that are none of them is left out.

    Attributes:
        names: K, in the challenge's order.
        actual: (N, K).
        values: (N, K), sums of probabilities.
    """

    names: tuple[str, ...]
    actual: NDArray[np.bool_]
    values: FloatArray


def columns_of(
    task: Task, challenge: Challenge, targets: IntArray, probabilities: FloatArray
) -> Columns:
    """Sum a task's probabilities (N, C) over the classes of each column.

    Raises:
        SkinError: no submission to the challenge can be made of the task.
    """
    parts = column_parts(task, challenge)
    has_class = parts.any(axis=0)
    names = np.array(challenge.columns)[has_class].tolist()
    parts = parts[:, has_class]
    return Columns(tuple(names), parts[targets], probabilities @ parts.astype(np.float64))
