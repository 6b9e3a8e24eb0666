"""Finished runs and ensembles, read from their folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.metrics import FloatArray, IntArray
from skin.analysis.report.metadata import EnsembleMetadata, FoldMetadata, parse
from skin.console import warn
from skin.ensembling.ensemble import all_ensembles, locate_ensemble
from skin.errors import SkinError, did_you_mean, name_some
from skin.runs import (
    OOF_KEYS,
    Run,
    all_runs,
    has_scores,
    locate_run,
    probability_columns,
    read_oof,
    score_columns,
)
from skin.taxonomy import Task, coarsen, get_task, mapping_between


@dataclass(frozen=True, eq=False)
class Fold:
    """A finished fold's training."""

    number: int
    metadata: FoldMetadata
    history: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Entry:
    """A run or an ensemble, with its out-of-fold predictions.

    Attributes:
        folder: where it lies.
        task: what it is scored as.
        trained_as: the name of the task that it predicts.
        oof: a row an image, ordered by `image_id`; with a decision rule's scores, if it has one.
        rule: the name of the decision rule; None where the argmax of the probabilities decides.
        folds: the finished folds of a run, in order; none for an ensemble.
        leaking: whether a lesion was on both sides of a fold, as recorded or as `oof` shows.
        chosen_on_held_out: whether a checkpoint was chosen by the images that it is judged on.
        parameters: of one model, or of all an ensemble's; None if not recorded.
        seconds: wall time of training, all folds together; None if not recorded.
        images_per_s: in training, the mean over the folds; None for an ensemble.
    """

    name: str
    kind: Literal["run", "ensemble"]
    folder: Path
    task: Task
    trained_as: str
    oof: pd.DataFrame
    rule: str | None
    folds: tuple[Fold, ...]
    leaking: bool
    chosen_on_held_out: bool
    tta: str
    parameters: int | None
    seconds: float | None
    images_per_s: float | None

    @property
    def targets(self) -> IntArray:
        """(N,) true class indices."""
        index = {code: i for i, code in enumerate(self.task.codes)}
        targets: IntArray = self.oof["target"].map(index).to_numpy().astype(np.int64)
        return targets

    @property
    def probabilities(self) -> FloatArray:
        """(N, C) in task order."""
        return self.oof[probability_columns(self.task)].to_numpy(dtype=np.float64)

    @property
    def scores(self) -> FloatArray:
        """(N, C) whose argmax is the decision; the probabilities where there is no rule."""
        if self.rule is None:
            return self.probabilities
        return self.oof[score_columns(self.task)].to_numpy(dtype=np.float64)

    @property
    def lesions(self) -> NDArray[np.str_]:
        """(N,) lesion names."""
        return self.oof["lesion_id"].to_numpy(dtype=str)

    @property
    def fold_numbers(self) -> list[int]:
        """The folds that the predictions cover, in order."""
        return sorted(self.oof["fold"].unique().tolist())

    def recorded(self, key: str) -> str:
        """What its folds recorded, each value once; empty where none did."""
        values = [getattr(fold.metadata, key) for fold in self.folds]
        return ", ".join(dict.fromkeys(str(value) for value in values if value is not None))


def collect(
    names: Sequence[str], runs_dir: Path, ensembles_dir: Path, *, scored_as: Task | None = None
) -> list[Entry]:
    """Read the named runs and ensembles, or all that are finished.

    Args:
        names: folders, or names under `runs_dir` or `ensembles_dir`; none for all of them.
        runs_dir: where the runs are.
        ensembles_dir: where the ensembles are.
        scored_as: a task that those of the entries are finer than or the same as; none takes
            them as they are.

    Raises:
        SkinError: one is not there, has no finished fold or cannot be read, they are of
            different tasks, or one cannot be scored as that task.
    """
    if names:
        folders = list(dict.fromkeys(_locate(name, runs_dir, ensembles_dir) for name in names))
    else:
        folders = _find_finished(runs_dir, ensembles_dir)
    entries = [_read(folder) for folder in folders]
    if scored_as is not None:
        entries = [score_as(entry, scored_as) for entry in entries]
    tasks: dict[str, list[str]] = {}
    for entry in entries:
        tasks.setdefault(entry.task.name, []).append(entry.name)
    if len(tasks) > 1:
        listed = "; ".join(f"{task}: {name_some(runs)}" for task, runs in tasks.items())
        raise SkinError(
            f"one report compares runs of one task ({listed}): name those of one, or score all of "
            "them as a coarser task, as --as malignant"
        )
    names = [entry.name for entry in entries]
    twins = {name for name in names if names.count(name) > 1}
    if twins:
        raise SkinError(f"several folders share the name {name_some(twins)}: rename all but one")
    return entries


def score_as(entry: Entry, task: Task) -> Entry:
    """Score an entry as a coarser task: each class's probabilities are summed.

    The decision is the argmax of the sums: a decision rule is of the finer task, and is dropped.

    Raises:
        SkinError: a class of the entry's task is not part of one class of `task`.
    """
    if entry.task == task:
        return entry
    try:
        mapping = mapping_between(entry.task, task)
    except SkinError as error:
        raise SkinError(f"{entry.name}: {error}") from None
    oof = entry.oof[list(OOF_KEYS)].copy()
    oof["target"] = np.array(task.codes)[mapping][entry.targets]
    oof[probability_columns(task)] = coarsen(entry.probabilities, entry.task, task)
    return replace(entry, task=task, oof=oof, rule=None)


def _find_finished(runs_dir: Path, ensembles_dir: Path) -> list[Path]:
    """Find the folder of every ensemble, and of every run with a finished fold."""
    runs = all_runs(runs_dir)
    idle = [run.name for run in runs if not run.finished_folds()]
    if idle:
        warn(f"left out, no fold finished: {name_some(idle)}")
    finished = [run.folder for run in runs if run.finished_folds()]
    ensembles = sorted(all_ensembles(ensembles_dir))
    if not finished and not ensembles:
        raise SkinError(
            f"{runs_dir} has no finished run: train one with `skin train`, or give a run's folder"
        )
    return finished + ensembles


def _locate(name: str, runs_dir: Path, ensembles_dir: Path) -> Path:
    run = locate_run(name, runs_dir)
    ensemble = locate_ensemble(name, ensembles_dir)
    if run and ensemble and run.folder.resolve() != ensemble.resolve():
        raise SkinError(f"'{name}' is a run and an ensemble: give {run.folder} or {ensemble}")
    if run or ensemble:
        return (run.folder if run else ensemble).resolve()  # type: ignore[union-attr]
    known = [run.name for run in all_runs(runs_dir)]
    known += [folder.name for folder in all_ensembles(ensembles_dir)]
    raise SkinError(f"no run or ensemble '{name}': {did_you_mean(name, known)}")


def _read(folder: Path) -> Entry:
    entry = _read_ensemble(folder) if (folder / "ensemble.json").exists() else _read_run(folder)
    folds = entry.oof.groupby("lesion_id")["fold"].nunique()
    shared = folds.index[folds > 1]
    if len(shared) and not entry.leaking:
        warn(
            f"{entry.name} leaks though it is not recorded as leaking: lesions lie in "
            f"several folds: {name_some(shared)}"
        )
    return replace(entry, leaking=entry.leaking or bool(len(shared)))


def _read_run(folder: Path) -> Entry:
    run = Run(folder)
    finished = run.finished_folds()
    unfinished = [fold.fold for fold in run.folds() if not fold.finished]
    if not finished:
        raise SkinError(f"{folder} has no finished fold: train one with `skin train`")
    if unfinished:
        warn(f"{folder.name}: left out, not finished: fold {name_some(unfinished)}")
    folds = tuple(
        Fold(fold.fold, parse(fold.folder / "metadata.json", FoldMetadata), fold.history())
        for fold in finished
    )
    first = folds[0].metadata
    if any(fold.metadata.task != first.task for fold in folds):
        raise SkinError(f"{folder}: its folds are of different tasks; train them into runs apart")
    task = get_task(first.task)
    return Entry(
        name=folder.name,
        kind="run",
        folder=folder,
        task=task,
        trained_as=task.name,
        oof=run.oof(),
        rule=None,
        folds=folds,
        leaking=any(fold.metadata.leaking for fold in folds),
        chosen_on_held_out=any(fold.metadata.chosen_on_held_out for fold in folds),
        tta=", ".join(dict.fromkeys(fold.metadata.tta for fold in folds)),
        parameters=first.parameters,
        seconds=sum(fold.metadata.seconds for fold in folds),
        images_per_s=sum(fold.metadata.images_per_s for fold in folds) / len(folds),
    )


def _read_ensemble(folder: Path) -> Entry:
    metadata = parse(folder / "ensemble.json", EnsembleMetadata)
    task = get_task(metadata.task)
    oof = read_oof(folder / "oof.csv", task)
    return Entry(
        name=folder.name,
        kind="ensemble",
        folder=folder,
        task=task,
        trained_as=task.name,
        oof=oof,
        rule=_rule(folder, metadata, scored=has_scores(oof, task)),
        folds=(),
        leaking=metadata.leaking,
        chosen_on_held_out=metadata.chosen_on_held_out,
        tta=metadata.tta,
        parameters=metadata.parameters,
        seconds=metadata.seconds,
        images_per_s=None,
    )


def _rule(folder: Path, metadata: EnsembleMetadata, *, scored: bool) -> str | None:
    """The rule that an ensemble decides by, if it is not the argmax of the probabilities."""
    if metadata.made is None:
        return "not recorded" if scored else None
    rule = metadata.made.rule
    if rule == "argmax":
        return None
    if not scored:
        raise SkinError(
            f"{folder / 'oof.csv'} lacks the scores of the decision rule {rule}; make the ensemble "
            "again with `skin ensemble`"
        )
    return rule
