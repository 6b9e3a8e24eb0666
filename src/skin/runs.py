"""Runs on disk: what training leaves and every later stage reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from skin.config import Config, parse_config
from skin.console import note
from skin.errors import SkinError, did_you_mean, name_some
from skin.files import read_json
from skin.taxonomy import Task, get_task

_HISTORY = {
    "epoch": int,
    "stage": str,
    "lr": float,
    "train_loss": float,
    "valid_loss": float,
    "valid_bacc": float,
    "valid_accuracy": float,
    "images_per_s": float,
    "seconds": float,
}
OOF_KEYS = ("image_id", "lesion_id", "fold", "target")


@dataclass(frozen=True)
class FoldRun:
    """One fold of a run; its folder may be empty still."""

    folder: Path

    @property
    def fold(self) -> int:
        """The fold's number."""
        return int(self.folder.name.removeprefix("fold"))

    @property
    def weights(self) -> Path:
        """The weights of the epoch with the best validation BACC."""
        return self.folder / "best.safetensors"

    @property
    def finished(self) -> bool:
        """Whether the training came to its end and left its predictions."""
        there = (self.folder / "metadata.json").exists()
        return there and self.metadata().get("status") == "finished"

    def metadata(self) -> dict[str, Any]:
        """What the fold was trained with and how it went."""
        path = self.folder / "metadata.json"
        metadata = read_json(path)
        if not isinstance(metadata, dict):
            raise SkinError(f"{path} does not hold an object; train the fold anew")
        return metadata

    def config(self) -> Config:
        """The resolved config that the fold was trained with."""
        return _read_config(self.folder / "config.yaml")

    def history(self) -> pd.DataFrame:
        """The epochs: `epoch`, `stage`, the losses and the validation scores.

        Raises:
            SkinError: the file is missing or malformed.
        """
        return _read_table(self.folder / "history.csv", _HISTORY)

    def oof(self) -> pd.DataFrame:
        """The held-out images' predictions; see `read_oof`. A fold has no decision rule."""
        task = get_task(self.metadata()["task"])
        return read_oof(self.folder / "oof.csv", task)[oof_columns(task)]


@dataclass(frozen=True)
class Run:
    """A config's folds under one folder."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def fold(self, number: int) -> FoldRun:
        """The fold of that number, whether it was begun or not."""
        return FoldRun(self.folder / f"fold{number}")

    def folds(self) -> list[FoldRun]:
        """The folds that were begun, in order."""
        found = [FoldRun(path) for path in self.folder.glob("fold[0-9]*") if path.is_dir()]
        return sorted(found, key=lambda fold: fold.fold)

    def finished_folds(self) -> list[FoldRun]:
        """The folds that came to their end."""
        return [fold for fold in self.folds() if fold.finished]

    @property
    def task(self) -> Task:
        """What the run predicts."""
        return get_task(self.finished_folds()[0].metadata()["task"])

    def oof(self) -> pd.DataFrame:
        """The out-of-fold predictions of all finished folds, in order of the images.

        Raises:
            SkinError: a file is missing or malformed, or an image is in two folds.
        """
        return pool_folds([fold.oof() for fold in self.finished_folds()], self.folder)


def read_oof(path: Path, task: Task) -> pd.DataFrame:
    """Read out-of-fold predictions.

    Columns: `image_id`, `lesion_id`, `fold`, `target` (a class code), `prob_<code>` and
    `logit_<code>` (natural log-probabilities) for each class in the task's order. An ensemble with
    a decision rule has `score_<code>` besides, for all classes: the argmax of these is its
    decision.

    Raises:
        SkinError: the file is missing or damaged, holds an image twice, or its classes are not
            the task's.
    """
    keys = dict(zip(OOF_KEYS, (str, str, int, str), strict=True))
    table = _read_table(
        path,
        {**keys, **dict.fromkeys(oof_columns(task)[len(keys) :], float)},
        optional=dict.fromkeys(score_columns(task), float),
    )
    unknown = set(table["target"]) - set(task.codes)
    if unknown:
        raise SkinError(f"{path}: targets that {task.name} does not have: {name_some(unknown)}")
    _require_shares(table, probability_columns(task), "probabilities", path)
    if has_scores(table, task):
        _require_shares(table, score_columns(task), "scores", path)
    _require_once(table, path)
    # An image without a lesion is its own.
    table["lesion_id"] = table["lesion_id"].where(table["lesion_id"] != "", table["image_id"])
    return table


def pool_folds(tables: Sequence[pd.DataFrame], folder: Path) -> pd.DataFrame:
    """Join the folds' tables of out-of-fold predictions, in order of the images.

    Args:
        tables: as `read_oof` gives them.
        folder: the run's, for the message.

    Raises:
        SkinError: an image is in two folds.
    """
    pooled = pd.concat(tables, ignore_index=True)
    _require_once(pooled, folder)
    return pooled.sort_values("image_id", ignore_index=True)


def has_scores(table: pd.DataFrame, task: Task) -> bool:
    """Whether a table of out-of-fold predictions has the scores of a decision rule."""
    return set(score_columns(task)) <= set(table.columns)


def _require_shares(table: pd.DataFrame, columns: Sequence[str], what: str, path: Path) -> None:
    values = table[columns]
    valid = ((values >= 0) & (values <= 1)).all(axis=1)  # a NaN is not valid
    if not valid.all():
        names = name_some(table.loc[~valid, "image_id"])
        raise SkinError(f"{path}: {what} outside 0 to 1 for {names}; predict them anew")


def _require_once(table: pd.DataFrame, path: Path) -> None:
    twice = table.loc[table["image_id"].duplicated(), "image_id"]
    if len(twice):
        raise SkinError(f"{path}: images predicted twice: {name_some(twice)}")


def _read_table(
    path: Path, types: Mapping[str, type], optional: Mapping[str, type] | None = None
) -> pd.DataFrame:
    """Read the named columns of a CSV; of the optional ones all or, if none is there, none.

    As text first: an id may read as NaN, and only text to float is exact in every pandas, which
    keeps ties ties.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise SkinError(f"{path} is missing") from None
    except ValueError as error:
        raise SkinError(f"{path} cannot be read: {error}") from None
    if optional and not table.columns.intersection(list(optional)).empty:
        types = {**types, **optional}
    missing = [column for column in types if column not in table]
    if missing:
        raise SkinError(f"{path} lacks the columns {name_some(missing, most=20)}")
    if table.empty:
        raise SkinError(f"{path} has no rows")
    try:
        return table[list(types)].astype(dict(types))
    except ValueError as error:
        raise SkinError(f"{path} cannot be read: {error}") from None


def probability_columns(task: Task) -> list[str]:
    """The probability columns, in the task's order."""
    return [f"prob_{code}" for code in task.codes]


def logit_columns(task: Task) -> list[str]:
    """The log-probability columns, in the task's order."""
    return [f"logit_{code}" for code in task.codes]


def score_columns(task: Task) -> list[str]:
    """The columns of a decision rule's scores, in the task's order."""
    return [f"score_{code}" for code in task.codes]


def oof_columns(task: Task) -> list[str]:
    """The columns that any table of out-of-fold predictions has, in order."""
    return [*OOF_KEYS, *probability_columns(task), *logit_columns(task)]


def find_run(name: str, runs_dir: Path) -> Run:
    """Find a run by its name or its folder.

    Raises:
        SkinError: there is none; the message lists those there are.
    """
    run = locate_run(name, runs_dir)
    if run is not None:
        return run
    known = [run.name for run in all_runs(runs_dir)]
    if not known:
        raise SkinError(f"no run '{name}': nothing was trained in {runs_dir} yet; see `skin train`")
    raise SkinError(f"no run '{name}' in {runs_dir}: {did_you_mean(name, known)}")


def locate_run(name: str, runs_dir: Path) -> Run | None:
    """Give the run of that name or folder, if there is one."""
    for folder in (Path(name), runs_dir / name):
        if any(folder.glob("fold[0-9]*")):
            return Run(folder)
    return None


def all_runs(runs_dir: Path) -> list[Run]:
    """The runs in a folder, by name."""
    if not runs_dir.is_dir():
        return []
    return [
        Run(folder)
        for folder in sorted(runs_dir.iterdir())
        if folder.is_dir() and any(folder.glob("fold[0-9]*"))
    ]


def choose_runs(names: list[str], runs_dir: Path) -> list[Run]:
    """Find the named runs, or all that have finished folds if they are of one task.

    Raises:
        SkinError: a name is unknown, none has a finished fold, or they are of several tasks.
    """
    runs = [find_run(name, runs_dir) for name in names] or [
        run for run in all_runs(runs_dir) if run.finished_folds()
    ]
    unfinished = [run.name for run in runs if not run.finished_folds()]
    if unfinished or not runs:
        which = name_some(unfinished) if unfinished else f"{runs_dir}: no run"
        raise SkinError(f"{which} has no finished fold; see `skin train`")
    tasks = sorted({run.task.name for run in runs})
    if len(tasks) > 1:
        listed = "; ".join(f"{run.name} is {run.task.name}" for run in runs)
        raise SkinError(
            f"runs of several tasks cannot stand together ({listed}): name those of one"
        )
    if not names:
        note(f"taking all finished runs: {', '.join(run.name for run in runs)}")
    return runs


def _read_config(path: Path) -> Config:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SkinError(f"{path} is missing") from None
    except yaml.YAMLError as error:
        raise SkinError(f"{path} is not a YAML file: {error}") from None
    return parse_config(tree, str(path))
