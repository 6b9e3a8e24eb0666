"""A study on disk: its lock, what it was begun with, and Optuna's storage.

The storage is SQLite: each change is a transaction, so a kill at any moment leaves a file that
opens, where a journal's half-written last line would not. A lock keeps other processes out, so
that a trial which is running in the storage when a study is opened is one that was stopped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from skin.config import Config, parse_config
from skin.errors import SkinError
from skin.files import locked, read_json, remove_leftovers, write_json
from skin.runs import Run
from skin.tuning.space import Space

Pruner = Literal["median", "none"]
STARTUP_TRIALS = 5  # drawn at random and never pruned, before there is something to compare with
_DATABASE, _RECORD = "study.db", "study.json"


@dataclass(frozen=True)
class Identity:
    """What all trials of a study share; a study is not gone on with under another.

    Attributes:
        config: the base, resolved: it names dataset and folds.
        space: what is tuned.
        folds: the numbers of the folds that a trial is scored on.
        dataset_hash: of the images' table.
        folds_hash: of the split.
        seed: of the search.
        pruner: what stops a trial early.
    """

    config: Config
    space: Space
    folds: tuple[int, ...]
    dataset_hash: str
    folds_hash: str
    seed: int
    pruner: Pruner

    def record(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "config": self.config.model_dump(mode="json"),
            "space": sorted(map(str, self.space.parameters)),
            "folds": list(self.folds),
            "dataset_hash": self.dataset_hash,
            "folds_hash": self.folds_hash,
            "seed": self.seed,
            "pruner": self.pruner,
        }


@contextmanager
def opened(folder: Path, identity: Identity) -> Iterator[optuna.Study]:
    """Hold a study's folder, and make it or go on with it.

    A study in which no trial came as far as its first score is removed again when the block
    raises a SkinError, so that a mistake leaves nothing to be refused later.

    Raises:
        SkinError: another process tunes it, it was begun otherwise, or it is no study's folder.
    """
    with locked(folder, "tuned"):
        remove_leftovers(folder)
        _refuse_other(folder, identity)
        write_json(folder / _RECORD, identity.record())
        # Optuna would report each trial on its own; the command does.
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = RDBStorage(f"sqlite:///{folder.absolute() / _DATABASE}")
        study = optuna.create_study(
            storage=storage,
            study_name=folder.name,
            direction="maximize",
            load_if_exists=True,
            pruner=build_pruner(identity),
        )
        failed = False
        try:
            yield study
        except SkinError:
            failed = not any(trial.intermediate_values for trial in study.get_trials())
            raise
        finally:
            storage.remove_session()
            storage.engine.dispose()
            if failed:
                shutil.rmtree(folder)


def trial_run(folder: Path, number: int) -> Run:
    """A trial's run."""
    return Run(folder / f"trial{number:03d}")


def build_pruner(identity: Identity) -> BasePruner:
    """Stop what is below the median of the completed trials at the same epoch.

    The first quarter of the epochs is left alone: a warm-up's scores foretell little.
    """
    if identity.pruner == "none":
        return NopPruner()
    return MedianPruner(STARTUP_TRIALS, n_warmup_steps=identity.config.training.epochs // 4)


def unfinished(study: optuna.Study) -> optuna.Trial | None:
    """The trial that a stopped process left, as it was."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        storage = study._storage  # noqa: SLF001 - Optuna gives a running trial no other way
        study_id = storage.get_study_id_from_name(study.study_name)
        trial_id = storage.get_trial_id_from_study_id_trial_number(study_id, trial.number)
        return optuna.Trial(study, trial_id)
    return None


def _refuse_other(folder: Path, identity: Identity) -> None:
    """A study goes on only with what it was begun with."""
    path = folder / _RECORD
    if not path.exists():
        foreign = [item.name for item in folder.iterdir() if item.name != ".lock"]
        if foreign:
            raise SkinError(f"{folder} is there and is no study: tune under another --name")
        return
    there, wanted = read_json(path), identity.record()
    if not isinstance(there, dict) or there.keys() != wanted.keys():
        raise SkinError(f"{path} is not a study's: tune under another --name")
    changes = identity.config.differences(parse_config(there.pop("config"), str(path)))
    changes += [
        f"{key}: {value!r} -> {wanted[key]!r}"
        for key, value in there.items()
        if value != wanted[key]
    ]
    if changes:
        listed = "\n  ".join(changes)
        raise SkinError(
            f"{folder} was begun otherwise:\n  {listed}\ntune under another --name, or as before"
        )
