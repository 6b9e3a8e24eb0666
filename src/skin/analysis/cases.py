"""Which of the images that a run predicted out of fold are worth a look."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import entropy

from skin.analysis import metrics
from skin.analysis.metrics import FloatArray, IntArray
from skin.errors import SkinError, did_you_mean
from skin.runs import has_scores, probability_columns, score_columns
from skin.taxonomy import Task

BEST, ERRORS, WORST, UNCERTAIN = "best", "errors", "worst", "uncertain"
_SHOWN_FIRST = (("MEL", "NV"), ("MEL", "BKL"))  # what costs most, and what is hardest to tell

Confusion = tuple[str, str, int]
"""True class, class decided, number of images."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What a run or an ensemble made of its images, out of fold.

    Attributes:
        name: its name.
        task: what it is scored as.
        image_ids: N.
        lesions: N names.
        folds: (N,) which fold held the image out.
        targets: (N,) true class indices.
        probabilities: (N, C).
        decided: (N,) class indices; C where the maximum is tied, which is never right.
    """

    name: str
    task: Task
    image_ids: NDArray[np.str_]
    lesions: NDArray[np.str_]
    folds: IntArray
    targets: IntArray
    probabilities: FloatArray
    decided: IntArray

    @classmethod
    def of(cls, name: str, task: Task, oof: pd.DataFrame) -> Self:
        """Take a table as `read_oof` gives it; the scores of a decision rule decide, if any."""
        probabilities = oof[probability_columns(task)].to_numpy(dtype=np.float64)
        scored = has_scores(oof, task)
        scores = oof[score_columns(task)].to_numpy(np.float64) if scored else probabilities
        index = {code: i for i, code in enumerate(task.codes)}
        return cls(
            name,
            task,
            image_ids=oof["image_id"].to_numpy(dtype=str),
            lesions=oof["lesion_id"].to_numpy(dtype=str),
            folds=oof["fold"].to_numpy(dtype=np.int64),
            targets=np.array([index[code] for code in oof["target"]], np.int64),
            probabilities=probabilities,
            decided=metrics.decide(scores),
        )

    def within(self, image_ids: Collection[str]) -> Outcomes:
        """Of these images only."""
        kept = np.isin(self.image_ids, list(image_ids))
        return replace(
            self,
            image_ids=self.image_ids[kept],
            lesions=self.lesions[kept],
            folds=self.folds[kept],
            targets=self.targets[kept],
            probabilities=self.probabilities[kept],
            decided=self.decided[kept],
        )

    @cached_property
    def row(self) -> Mapping[str, int]:
        """The row of each image."""
        return {image_id: i for i, image_id in enumerate(self.image_ids.tolist())}

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,) whether the true class was decided."""
        right: NDArray[np.bool_] = self.decided == self.targets
        return right

    @property
    def confidence(self) -> FloatArray:
        """(N,) the probability of the class decided; the largest where none is."""
        settled = self.decided < len(self.task)
        chosen = np.where(settled, self.decided, self.probabilities.argmax(axis=1))
        confidence: FloatArray = self.probabilities[np.arange(len(chosen)), chosen]
        return confidence

    @property
    def leaking(self) -> bool:
        """Whether images of a lesion lie in several folds."""
        pairs = set(zip(self.lesions.tolist(), self.folds.tolist(), strict=True))
        return len(pairs) > len(set(self.lesions.tolist()))

    def confusions(self) -> Iterator[Confusion]:
        """All that occur, the most frequent first; a tie is for no class."""
        counts = metrics.confusion_matrix(self.targets, self.decided, len(self.task))[:, :-1]
        for pair in np.argsort(-counts.ravel(), kind="stable").tolist():
            true, decided = divmod(pair, len(self.task))
            if true != decided and counts[true, decided]:
                yield self.task.codes[true], self.task.codes[decided], int(counts[true, decided])


@dataclass(frozen=True)
class Cases:
    """Images of different lesions that belong together, the foremost first.

    Attributes:
        title: what they are.
        image_ids: the images.
        total: how many images are so, whichever lesions they are of.
    """

    title: str
    image_ids: tuple[str, ...]
    total: int


def choose(outcomes: Outcomes, kinds: Sequence[str], per: int) -> list[Cases]:
    """Choose cases by name.

    Args:
        outcomes: to choose from.
        kinds: `best`, the highest probabilities of each class where it is true and decided;
            `errors` or `worst`, the most confident errors; `uncertain`, the highest entropies; a
            class's code, its most confident right and wrong decisions; `MEL:NV`, true class and
            class decided; or an image's id.
        per: how many images of each, and of each class.

    Raises:
        SkinError: there is no such kind, class or image.
    """
    ids = tuple(kind for kind in dict.fromkeys(kinds) if kind in outcomes.row)
    chosen = [Cases("Chosen images", ids, len(ids))] if ids else []
    named = [ERRORS if kind == WORST else kind for kind in kinds if kind not in ids]
    for kind in dict.fromkeys(named):
        chosen += _of_kind(outcomes, kind, per)
    return chosen


def _of_kind(outcomes: Outcomes, kind: str, per: int) -> list[Cases]:
    codes = outcomes.task.codes
    true, colon, decided = kind.partition(":")
    if kind == BEST:
        return [right_of(outcomes, code, per) for code in codes]
    if kind in {ERRORS, WORST}:
        return [errors(outcomes, per)]
    if kind == UNCERTAIN:
        return [uncertain(outcomes, per)]
    if kind in codes:
        return [right_of(outcomes, kind, per), wrong_of(outcomes, kind, per)]
    if colon and true in codes and decided in codes and true != decided:
        return [confused(outcomes, true, decided, per)]
    kinds = [BEST, ERRORS, WORST, UNCERTAIN, *codes]
    pairs = [f"{one}:{other}" for one in codes for other in codes if one != other]
    for name in (*kinds, *pairs):
        if name.casefold() == kind.casefold():
            raise SkinError(f"--cases {kind}: did you mean '{name}'?")
    known = did_you_mean(kind, kinds)
    raise SkinError(
        f"--cases {kind}: no such kind, and no image of that id was held out: {known}, two classes "
        f"as {codes[0]}:{codes[1]}, or an image's id"
    )


def right_of(outcomes: Outcomes, code: str, count: int) -> Cases:
    """The images of a class that were decided right with the highest probability."""
    chosen = (outcomes.targets == outcomes.task.codes.index(code)) & outcomes.right
    return _foremost(outcomes, f"{code} decided right", chosen, outcomes.confidence, count)


def wrong_of(outcomes: Outcomes, code: str, count: int) -> Cases:
    """The images of a class that were decided wrong with the highest probability."""
    chosen = (outcomes.targets == outcomes.task.codes.index(code)) & ~outcomes.right
    return _foremost(outcomes, f"{code} decided wrong", chosen, outcomes.confidence, count)


def confused(outcomes: Outcomes, true: str, decided: str, count: int) -> Cases:
    """The images of a class that were taken for another with the highest probability."""
    index = outcomes.task.codes.index
    chosen = (outcomes.targets == index(true)) & (outcomes.decided == index(decided))
    return _foremost(outcomes, f"{true} taken for {decided}", chosen, outcomes.confidence, count)


def errors(outcomes: Outcomes, count: int) -> Cases:
    """The wrong decisions of the highest probability."""
    title = "Most confident errors"
    return _foremost(outcomes, title, ~outcomes.right, outcomes.confidence, count)


def uncertain(outcomes: Outcomes, count: int) -> Cases:
    """The images whose probabilities have the highest entropy, right or wrong."""
    everything = np.ones_like(outcomes.right)
    spread = entropy(outcomes.probabilities, axis=1)
    return _foremost(outcomes, "Most uncertain", everything, spread, count)


def main_confusions(outcomes: Outcomes, others: int) -> tuple[list[Confusion], list[Confusion]]:
    """The confusions that a reader asks for first, and the most frequent others.

    The first are melanoma taken for a nevus and for a benign keratosis; of a task without these
    classes, the two most frequent of a malignant class as a benign one.
    """
    there = list(outcomes.confusions())
    malignant = set(outcomes.task.malignant)
    if all(code in outcomes.task.codes for pair in _SHOWN_FIRST for code in pair):
        counts = {(true, decided): count for true, decided, count in there}
        first = [(*pair, counts[pair]) for pair in _SHOWN_FIRST if pair in counts]
    else:
        first = [each for each in there if each[0] in malignant and each[1] not in malignant][:2]
    return first, [each for each in there if each not in first][:others]


def _foremost(
    outcomes: Outcomes, title: str, chosen: NDArray[np.bool_], by: FloatArray, count: int
) -> Cases:
    """The first `count` lesions' images by falling value; equal ones in order of the images."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(-by[rows], kind="stable")]
    _, first = np.unique(outcomes.lesions[rows], return_index=True)
    kept = rows[np.sort(first)][:count]
    return Cases(title, tuple(outcomes.image_ids[kept].tolist()), len(rows))
