"""The figure by which a training's epochs are judged: BACC, AUC, or the partial AUC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from skin.analysis.isic_areas import auc, partial_auc
from skin.analysis.isic_columns import columns_of
from skin.errors import SkinError, name_some
from skin.taxonomy import Task, challenge_of

SelectBy = Literal["bacc", "auc", "pauc"]

_AREAS: Mapping[str, Callable[[NDArray[np.bool_], NDArray[np.float64]], float]] = {
    "auc": auc,
    "pauc": partial_auc,
}
_TITLES: Mapping[SelectBy, str] = {"bacc": "BACC", "auc": "AUC", "pauc": "pAUC"}


@dataclass(frozen=True, eq=False)
class Selection:
    """Judges an epoch by its predictions of the validation part.

    AUC is the mean over the columns of the challenge that the task is made for: of a binary task,
    that of its one column. The partial AUC is that of ISIC 2024.

    Attributes:
        by: the figure.
        task: the classes.
        targets: (N,) the validation part's class indices.
    """

    by: SelectBy
    task: Task
    targets: NDArray[np.int64]

    @classmethod
    def of(cls, by: SelectBy, task: Task, targets: NDArray[np.int64]) -> Self:
        """Check that the figure is defined on the validation part.

        Raises:
            SkinError: it is not, or a partial AUC is asked for of a task with several columns.
        """
        if by != "bacc":
            nothing = np.zeros((len(targets), len(task)))
            columns = columns_of(task, challenge_of(task.name), targets, nothing)
            if by == "pauc" and len(columns.names) > 1:
                raise SkinError(
                    f"training.select_by is pauc, which is of one column, and task '{task.name}' "
                    f"has {len(columns.names)} ({name_some(columns.names)}): use auc or bacc"
                )
            one_kind = columns.actual.all(axis=0) | ~columns.actual.any(axis=0)
            if one_kind.any():
                names = name_some(np.array(columns.names)[one_kind])
                raise SkinError(
                    f"training.select_by is {by}, which needs validation images that are, and that "
                    f"are not, of each column, and all or none are of {names}: use bacc, or folds "
                    "that hold more of it"
                )
        return cls(by, task, targets)

    @property
    def title(self) -> str:
        """What people call the figure."""
        return _TITLES[self.by]

    @property
    def column(self) -> str:
        """The history's column of the figure."""
        return f"valid_{self.by}"

    def areas(self, log_probabilities: NDArray[np.float64]) -> dict[str, float]:
        """The figure of (N, C) log-probabilities by its column; empty for BACC.

        BACC is in every history, whatever epochs are judged by.
        """
        if self.by == "bacc":
            return {}
        if np.isnan(log_probabilities).any():
            return {self.column: np.nan}  # no epoch to keep
        probabilities = np.exp(log_probabilities)
        challenge = challenge_of(self.task.name)
        _, actual, values = columns_of(self.task, challenge, self.targets, probabilities)
        area = _AREAS[self.by]
        figures = [area(true, column) for true, column in zip(actual.T, values.T, strict=True)]
        return {self.column: float(np.mean(figures))}
