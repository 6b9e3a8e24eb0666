"""Runs side by side: scores, intervals, and which of them can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skin.analysis import metrics
from skin.analysis.metrics import Scores
from skin.analysis.report.collect import Entry
from skin.analysis.statistics import Bootstrap, Interval, bootstrap, paired_difference
from skin.console import progress
from skin.taxonomy import Task

SCORES = {
    "bacc": "BACC",
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "macro_auc": "Macro AUC",
    "malignant_auc": "Malignant AUC",
}


@dataclass(frozen=True, eq=False)
class Row:
    """One run or ensemble in the comparison.

    Attributes:
        bootstrap: scores and intervals of its pooled out-of-fold predictions.
        folds: the scores of each fold alone, by fold number.
        ranked: whether it is compared with the other ranked rows.
        marks: what a reader must know of it: `leaking`, `other images`, `other folds`.
        difference: its BACC minus the best one's, paired; None for the best and unless ranked.
    """

    entry: Entry
    bootstrap: Bootstrap
    folds: dict[int, Scores]
    ranked: bool
    marks: tuple[str, ...]
    difference: Interval | None

    @property
    def scores(self) -> Scores:
        """The scores of its pooled predictions."""
        return self.bootstrap.scores

    def over_folds(self, name: str) -> tuple[float, float]:
        """Mean and standard deviation of a score over the folds; NaN for one fold's deviation."""
        values = pd.Series([getattr(scores, name) for scores in self.folds.values()])
        return float(values.mean()), float(values.std())


@dataclass(frozen=True, eq=False)
class Comparison:
    """The rows of one task: ranked ones first, best BACC first."""

    task: Task
    rows: tuple[Row, ...]
    resamples: int

    @property
    def best(self) -> Row:
        """The ranked row of the highest BACC."""
        return self.rows[0]

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows that can be compared with each other."""
        return tuple(row for row in self.rows if row.ranked)

    @property
    def classes(self) -> int:
        """How many classes occur in the best row's images; guessing scores one in so many."""
        return int(np.count_nonzero(self.best.scores.confusion.sum(axis=1)))

    @property
    def beating_chance(self) -> tuple[Row, ...]:
        """The ranked rows whose whole BACC interval lies above chance."""
        return tuple(
            row for row in self.ranked if row.bootstrap.interval("bacc").beats_chance(self.classes)
        )


def compare(entries: Sequence[Entry], *, resamples: int = 2000, seed: int = 0) -> Comparison:
    """Score entries of one task and compare them with the best.

    Only rows that predict the same images under the same folds are ranked, and no leaking one
    beside a clean one. Where that leaves several groups, the one of most images is ranked.
    """
    reference = _reference(entries)
    bootstraps = _bootstraps(entries, resamples, seed)
    marks = [_marks(entry, reference) for entry in entries]
    ranked = [_comparable(entry, reference) for entry in entries]
    best = max(
        (boot for boot, is_ranked in zip(bootstraps, ranked, strict=True) if is_ranked),
        key=lambda boot: boot.scores.bacc,
    )
    rows = [
        Row(
            entry,
            boot,
            folds=_by_fold(entry),
            ranked=is_ranked,
            marks=mark,
            difference=(paired_difference(boot, best) if is_ranked and boot is not best else None),
        )
        for entry, boot, is_ranked, mark in zip(entries, bootstraps, ranked, marks, strict=True)
    ]
    rows.sort(key=lambda row: (not row.ranked, -row.scores.bacc))
    return Comparison(entries[0].task, tuple(rows), resamples)


def _bootstraps(entries: Sequence[Entry], resamples: int, seed: int) -> list[Bootstrap]:
    with progress() as bar:
        return [
            bootstrap(
                entry.targets,
                entry.probabilities,
                entry.lesions,
                entry.task,
                resamples=resamples,
                seed=seed,
            )
            for entry in bar.track(entries, description="bootstrap over lesions")
        ]


def _by_fold(entry: Entry) -> dict[int, Scores]:
    fold = entry.oof["fold"].to_numpy()
    targets, probabilities = entry.targets, entry.probabilities
    return {
        number: metrics.score(targets[fold == number], probabilities[fold == number], entry.task)
        for number in entry.fold_numbers
    }


def _reference(entries: Sequence[Entry]) -> Entry:
    """The entry that others must match: clean before leaking, most images, most matches."""
    return max(
        entries,
        key=lambda entry: (
            not entry.leaking,
            len(entry.oof),
            sum(_comparable(other, entry) for other in entries),
        ),
    )


def _comparable(entry: Entry, reference: Entry) -> bool:
    return entry.leaking == reference.leaking and _truth(entry).equals(_truth(reference))


def _marks(entry: Entry, reference: Entry) -> tuple[str, ...]:
    marks = ["leaking"] if entry.leaking else []
    ours, theirs = _truth(entry), _truth(reference)
    if not ours.drop(columns="fold").equals(theirs.drop(columns="fold")):
        marks.append("other images")
    elif not ours.equals(theirs):
        marks.append("other folds")
    return tuple(marks)


def _truth(entry: Entry) -> pd.DataFrame:
    return entry.oof[["image_id", "lesion_id", "target", "fold"]]
