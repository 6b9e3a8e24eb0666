"""The runs' outlier scores of held-out images, aligned and standardised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.metrics import FloatArray, IntArray
from skin.ensembling.oof import OutOfFold
from skin.ensembling.unknown.rule import Standard
from skin.errors import SkinError
from skin.models.outliers import SCORES
from skin.runs import OOF_KEYS, Run, pool_folds
from skin.taxonomy import OUTSIDE, Task
from skin.training.outliers import read_outliers

Standards = tuple[tuple[Standard, ...], ...]


@dataclass(frozen=True, eq=False)
class Outliers:
    """Outlier scores out of fold: N images, those of the task and those outside it.

    Attributes:
        scores: (N,) by the name of the score: the mean over the runs, each image's score
            standardised by the known images that its model holds out.
        standards: by the name of the score, one a run and fold.
        targets: (N,) class indices; -1 for images outside the task.
        lesions: (N,) lesion names.
        parts: (N,) the fold that holds each image out.
        image_ids: (N,), ascending.
    """

    scores: Mapping[str, FloatArray]
    standards: Mapping[str, Standards]
    targets: IntArray
    lesions: NDArray[np.str_]
    parts: IntArray
    image_ids: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Which images are none of the classes: (N,)."""
        outside: NDArray[np.bool_] = self.targets == OUTSIDE
        return outside

    def take(self, rows: NDArray[np.bool_]) -> Outliers:
        """Some of the images, by mask."""
        return replace(
            self,
            scores={name: scores[rows] for name, scores in self.scores.items()},
            targets=self.targets[rows],
            lesions=self.lesions[rows],
            parts=self.parts[rows],
            image_ids=self.image_ids[rows],
        )

    def with_parts_of(self, oof: OutOfFold) -> Outliers:
        """The same in the parts of predictions of the known images.

        Where these are other parts than the folds, lesions outside the task are dealt to them by
        turns; a lesion with images of both kinds stays whole.
        """
        if np.array_equal(oof.parts, self.parts[~self.outside]):
            return self
        numbers = np.unique(oof.parts)
        lesions, index = np.unique(self.lesions, return_inverse=True)
        of_lesion = numbers[np.arange(len(lesions)) % len(numbers)]
        of_lesion[index[~self.outside]] = oof.parts
        return replace(self, parts=np.where(self.outside, of_lesion[index], self._known(oof.parts)))

    def table(self, task: Task, odds: FloatArray) -> pd.DataFrame:
        """Each image's keys as in a table of out-of-fold predictions, its scores and its odds."""
        codes = np.array([*task.codes, task.unknown])  # the last one's place is -1, too
        keys = [self.image_ids, self.lesions, self.parts, codes[self.targets]]
        return pd.DataFrame(dict(zip(OOF_KEYS, keys, strict=True)) | {**self.scores, "odds": odds})

    def _known(self, values: IntArray) -> IntArray:
        """Spread values of the known images over all images."""
        spread = np.zeros(len(self), values.dtype)
        spread[~self.outside] = values
        return spread


def gather_outliers(runs: Sequence[Run]) -> Outliers:
    """Align the outlier scores that all of the runs have.

    Args:
        runs: of one task, which has a column of unknown lesions, and of the same finished folds.

    Raises:
        SkinError: a fold's outlier files are missing or damaged, or the runs are not of the same
            images.
    """
    tables = [_standardised(run) for run in runs]
    first, task = tables[0][0], runs[0].task
    for run, (table, _) in zip(runs[1:], tables[1:], strict=True):
        if not table[list(OOF_KEYS)].equals(first[list(OOF_KEYS)]):
            raise SkinError(
                f"runs '{runs[0].name}' and '{run.name}' do not have outlier scores of the same "
                "images; train both on the same dataset"
            )
    names = [name for name in SCORES if all(name in standards for _, standards in tables)]
    index: dict[str | None, int] = {code: i for i, code in enumerate(task.codes)}
    index[task.unknown] = OUTSIDE
    return Outliers(
        scores={
            name: np.mean([table[name].to_numpy(np.float64) for table, _ in tables], axis=0)
            for name in names
        },
        standards={name: tuple(standards[name] for _, standards in tables) for name in names},
        targets=np.array(first["target"].map(index), np.int64),
        lesions=first["lesion_id"].to_numpy(str),
        parts=first["fold"].to_numpy(np.int64),
        image_ids=first["image_id"].to_numpy(str),
    )


def require_same_images(outliers: Outliers, oof: OutOfFold) -> None:
    """Check that the known images are those of the out-of-fold predictions.

    Raises:
        SkinError: they are not.
    """
    known = ~outliers.outside
    same = np.array_equal(outliers.image_ids[known], oof.image_ids)
    if not same or not np.array_equal(outliers.targets[known], oof.targets):
        raise SkinError(
            f"run '{oof.names[0]}' has outlier scores of other images than out-of-fold "
            "predictions; train it anew, or say --unknown none"
        )


def _standardised(run: Run) -> tuple[pd.DataFrame, dict[str, tuple[Standard, ...]]]:
    """A run's scores, standardised fold by fold, and the standards of each score."""
    tables = []
    standards: dict[str, list[Standard]] = {}
    folds = run.finished_folds()
    for fold in folds:
        table = read_outliers(fold)
        known = table["target"] != run.task.unknown
        for name in table.columns.intersection(list(SCORES)):
            scores = table[name].to_numpy(np.float64)
            own = Standard.of(scores[known.to_numpy()])
            table[name] = own.apply(scores)
            standards.setdefault(name, []).append(own)
        tables.append(table)
    whole = {name: tuple(each) for name, each in standards.items() if len(each) == len(folds)}
    return pool_folds(tables, run.folder), whole
