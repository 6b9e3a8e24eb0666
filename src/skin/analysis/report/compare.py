"""Runs side by side: scores, intervals, and which of them can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from skin.analysis import metrics
from skin.analysis.metrics import Scores
from skin.analysis.report.collect import Entry
from skin.analysis.report.paired import PairedTests, paired_tests
from skin.analysis.statistics import Bootstrap, Interval, bootstrap, paired_difference
from skin.console import progress
from skin.errors import SkinError, did_you_mean
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
        marks: what a reader must know of it: `leaking`, `other images`, `other folds`, and the
            decision rule of an ensemble, as `rule prior`.
        difference: its BACC minus that of `Comparison.reference`, paired; None for the
            reference itself and unless ranked.
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
    """The rows of one task: ranked ones first, best BACC first.

    Attributes:
        baseline: the name of the run that the user wants the others compared with, if any.
    """

    task: Task
    rows: tuple[Row, ...]
    resamples: int
    baseline: str | None = None

    @property
    def best(self) -> Row:
        """The ranked row of the highest BACC."""
        return self.rows[0]

    @property
    def reference(self) -> Row:
        """The ranked row that differences are to: the baseline, or else the best."""
        return next((row for row in self.rows if row.entry.name == self.baseline), self.best)

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows that can be compared with each other."""
        return tuple(row for row in self.rows if row.ranked)

    @property
    def classes(self) -> int:
        """How many classes occur in the best row's images; guessing scores one in so many."""
        return int(np.count_nonzero(self.best.scores.confusion.sum(axis=1)))

    @cached_property
    def tests(self) -> PairedTests:
        """The ranked rows tested against the reference, once for all that speak of them."""
        return paired_tests(self)

    @property
    def beating_chance(self) -> tuple[Row, ...]:
        """The ranked rows whose whole BACC interval lies above chance."""
        return tuple(
            row for row in self.ranked if row.bootstrap.interval("bacc").beats_chance(self.classes)
        )


def compare(
    entries: Sequence[Entry], *, baseline: str | None = None, resamples: int = 2000, seed: int = 0
) -> Comparison:
    """Score entries of one task and compare them with the baseline, or else with the best.

    Only rows that predict the same images under the same folds are ranked, and no leaking one
    beside a clean one. Where that leaves several groups, the baseline's is ranked, or else the
    one of most images.

    Args:
        entries: of one task.
        baseline: the name of one of them, or its folder.
        resamples: of the bootstrap.
        seed: of the resamples.

    Raises:
        SkinError: no entry has the baseline's name, or it leaks and others do not.
    """
    chosen = None if baseline is None else _find_baseline(entries, baseline)
    reference = chosen or _reference(entries)
    bootstraps = _bootstraps(entries, resamples, seed)
    marks = [_marks(entry, reference) for entry in entries]
    ranked = [_comparable(entry, reference) for entry in entries]
    if chosen:
        against = bootstraps[entries.index(chosen)]
    else:
        against = max(
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
            difference=(
                paired_difference(boot, against) if is_ranked and boot is not against else None
            ),
        )
        for entry, boot, is_ranked, mark in zip(entries, bootstraps, ranked, marks, strict=True)
    ]
    rows.sort(key=lambda row: (not row.ranked, -row.scores.bacc))
    name = None if chosen is None else chosen.name
    return Comparison(entries[0].task, tuple(rows), resamples, name)


def _find_baseline(entries: Sequence[Entry], baseline: str) -> Entry:
    by_name = {entry.name: entry for entry in entries}
    name = Path(baseline).name
    if name not in by_name:
        raise SkinError(
            f"--baseline {baseline}: it is not in the report: {did_you_mean(name, by_name)}"
        )
    chosen = by_name[name]
    if chosen.leaking and not all(entry.leaking for entry in entries):
        clean = [entry.name for entry in entries if not entry.leaking]
        raise SkinError(
            f"--baseline {baseline}: it leaks, so nothing can be measured by it; take one that "
            f"does not: {', '.join(clean)}"
        )
    return chosen


def _bootstraps(entries: Sequence[Entry], resamples: int, seed: int) -> list[Bootstrap]:
    with progress() as bar:
        return [
            bootstrap(
                entry.targets,
                entry.probabilities,
                entry.lesions,
                entry.task,
                scores=entry.scores,
                resamples=resamples,
                seed=seed,
            )
            for entry in bar.track(entries, description="bootstrap over lesions")
        ]


def _by_fold(entry: Entry) -> dict[int, Scores]:
    fold = entry.oof["fold"].to_numpy()
    targets, probabilities, scores = entry.targets, entry.probabilities, entry.scores
    by_fold = {}
    for number in entry.fold_numbers:
        held = fold == number
        by_fold[number] = metrics.score(
            targets[held], probabilities[held], entry.task, scores[held]
        )
    return by_fold


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
    if entry.rule is not None:
        marks.append(f"rule {entry.rule}")
    return tuple(marks)


def _truth(entry: Entry) -> pd.DataFrame:
    return entry.oof[["image_id", "lesion_id", "target", "fold"]]
