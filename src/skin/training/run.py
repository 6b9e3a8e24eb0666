"""The folds of a run, one after another: locks, refusals, and what each leaves."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from skin.allocator import keep_freed_memory
from skin.config import Config
from skin.console import note, warn
from skin.data.summary import leak_warning
from skin.errors import SkinError
from skin.files import locked, remove_leftovers, replacing, sha256_file, write_json
from skin.models.build import build_model
from skin.runs import FoldRun, Run
from skin.training.environment import git_state, hardware, versions
from skin.training.evaluation import oof_table
from skin.training.loop import CHECKPOINT, FoldTrainer, OnEpoch
from skin.training.optimizer import build_optimizer
from skin.training.outliers import keep_outliers
from skin.training.plan import Experiment, FoldPlan, plan_fold, resolve
from skin.training.precision import choose_device, choose_precision
from skin.training.selection import Selection


def train_run(
    config: Config,
    run: Run,
    folds: str,
    data_dir: Path,
    *,
    restart: bool = False,
    on_epoch: OnEpoch | None = None,
) -> list[FoldRun]:
    """Train folds of a run; those that are finished are left as they are.

    Args:
        config: the experiment.
        run: its folder.
        folds: `all`, or numbers and ranges as `0`, `0,2` or `0..4`.
        data_dir: where the datasets are.
        restart: begin the folds anew, whatever is there.
        on_epoch: called after each epoch, once all of it is saved; what it raises ends the run.

    Raises:
        SkinError: the folds or the config are wrong, the run was begun with another config, or
            it is being trained.
    """
    _refuse_processes()
    keep_freed_memory()
    experiment = resolve(config, data_dir)
    numbers = parse_folds(folds, experiment.folds.k)
    if experiment.folds.leaking:
        warn(leak_warning(experiment.folds))
    _refuse_other_training(experiment, run, numbers, restart=restart)
    if restart:
        _try_out(experiment, numbers[0])
    trained = [run.fold(number) for number in numbers]
    for fold in trained:
        with _held(fold.folder):
            remove_leftovers(fold.folder)
            if restart:
                _clear(fold.folder)
            if fold.finished:
                bacc = fold.metadata()["held_out_bacc"]
                note(f"{fold.folder} is finished already (BACC {bacc:.3f})")
            else:
                _train_fold(experiment, run, fold, on_epoch)
            keep_outliers(fold, data_dir)
    return trained


def _try_out(experiment: Experiment, fold: int) -> None:
    """Raise for a config that cannot be trained, before it costs the folds that are there."""
    config = experiment.config
    plan = plan_fold(experiment, fold)
    targets = experiment.targets[plan.parts.valid]
    Selection.of(config.training.select_by, experiment.task, targets)
    model = build_model(config)
    build_optimizer(config.optimizer, model)
    choose_precision(config.training.precision, choose_device(config.runtime.device), model)


def parse_folds(text: str, k: int) -> list[int]:
    """Read `all`, `0`, `0,2`, `0..4` or a mixture, for `k` folds.

    Raises:
        SkinError: it is none of these, or names a fold that is not there.
    """
    if text.strip() == "all":
        return list(range(k))
    numbers: set[int] = set()
    for part in text.split(","):
        first, dots, last = part.strip().partition("..")
        if not first.isdecimal() or (dots and not last.isdecimal()):
            raise SkinError(f"--fold {text}: say all, a number, 0,2 or 0..{k - 1}")
        numbers.update(range(int(first), int(last or first) + 1))
    wrong = sorted(number for number in numbers if number >= k)
    if wrong or not numbers:
        raise SkinError(f"--fold {text}: the dataset's folds are 0 to {k - 1}")
    return sorted(numbers)


def _refuse_processes() -> None:
    """Folds on several GPUs need no talk between them, which one fold over several would."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1:
        raise SkinError(
            f"{processes} processes were launched for one fold; give each GPU folds of its own "
            "instead, as CUDA_VISIBLE_DEVICES=1 skin train --fold 1"
        )


def _refuse_other_training(
    experiment: Experiment, run: Run, numbers: Sequence[int], *, restart: bool
) -> None:
    """All folds of a run are of one config and of the same data; restarted ones do not count."""
    for fold in run.folds():
        if not (fold.folder / "config.yaml").exists() or (restart and fold.fold in numbers):
            continue
        changes = experiment.config.differences(fold.config())
        if changes:
            listed = "\n  ".join(changes)
            raise SkinError(
                f"{fold.folder} was trained with another config:\n  {listed}\n"
                "train under another --name, or begin all its folds anew with --fold all --restart"
            )
        if fold.finished and not _is_of(fold, experiment):
            raise SkinError(
                f"{fold.folder} was trained on another state of dataset "
                f"'{experiment.dataset.name}', of its folds or of its metadata: "
                "train under another --name, or begin all its folds anew with --fold all --restart"
            )


def _is_of(fold: FoldRun, experiment: Experiment) -> bool:
    """Whether a finished fold was trained on the experiment's data."""
    known = fold.metadata()
    return all(known.get(key) == value for key, value in _data_identity(experiment).items())


def _data_identity(experiment: Experiment) -> dict[str, str | None]:
    """What a fold's metadata say of the data it was trained on."""
    return {
        "dataset_hash": experiment.dataset.hash,
        "metadata_hash": experiment.metadata_hash,
        "folds_hash": experiment.folds.hash,
    }


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a fold's folder, and leave none behind where nothing was begun."""
    with locked(folder, "trained"):
        try:
            yield
        finally:
            if not (folder / "config.yaml").exists():
                shutil.rmtree(folder)
                with suppress(OSError):  # other folds are there
                    folder.parent.rmdir()


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name == ".lock":
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _train_fold(experiment: Experiment, run: Run, fold: FoldRun, on_epoch: OnEpoch | None) -> None:
    started = time.perf_counter()
    plan = plan_fold(experiment, fold.fold)
    try:
        trainer = FoldTrainer(plan, fold.folder)
        # Only now is it sure that the config can be trained; a mistake must not leave its mark.
        experiment.config.save(run.folder / "config.yaml")
        experiment.config.save(fold.folder / "config.yaml")
        if trainer.step:
            note(f"{fold.folder}: going on at epoch {trainer.progress.epoch}, step {trainer.step}")
        trainer.run(on_epoch)
        log_probabilities = trainer.predict_held_out()
    except torch.OutOfMemoryError:
        size = experiment.config.training.batch_size
        raise SkinError(
            f"out of GPU memory at batch size {size}: "
            f"try --set training.batch_size={size // 2 or 1}"
        ) from None
    with replacing(fold.folder / "oof.csv") as temporary:
        table = oof_table(experiment, fold.fold, plan.parts.held_out, log_probabilities)
        table.to_csv(temporary, index=False)
    metadata = _metadata(plan, fold, run.name, trainer, time.perf_counter() - started)
    metadata["held_out_bacc"] = _bacc(plan, log_probabilities)
    # The fold counts as finished once this file is there, so it is written last.
    write_json(fold.folder / "metadata.json", metadata)
    (fold.folder / CHECKPOINT).unlink(missing_ok=True)


def _bacc(plan: FoldPlan, log_probabilities: NDArray[np.float64]) -> float:
    """The mean recall over the classes that are held out."""
    targets = plan.experiment.targets[plan.parts.held_out]
    return float(recall_score(targets, log_probabilities.argmax(1), average="macro"))


def _metadata(
    plan: FoldPlan, fold: FoldRun, run_name: str, trainer: FoldTrainer, command_seconds: float
) -> dict[str, Any]:
    config, progress = plan.config, trainer.progress
    history = progress.history
    speeds = [row["images_per_s"] for row in history if row["stage"] == history[-1]["stage"]]
    weights = config.model.weights
    codes = plan.experiment.task.codes
    return {
        "run": run_name,
        "fold": plan.fold,
        "task": config.task,
        "classes": list(codes),
        "status": "finished",
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "best_epoch": progress.best_epoch,
        "best_bacc": progress.best_bacc,
        "select_by": config.training.select_by,
        "epochs": progress.epoch,
        "seconds": progress.seconds,
        "command_seconds": command_seconds,
        "images_per_s": float(np.median(speeds)),
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "tta": config.training.tta,
        "train_images": len(plan.parts.train),
        "balanced_images": len(plan.training.rows),
        "blended_images": len(plan.training.blends),
        "training_hash": plan.training.hash,
        "valid_images": len(plan.parts.valid),
        "held_out_images": len(plan.parts.held_out),
        "train_class_counts": dict(zip(codes, plan.train_counts.tolist(), strict=True)),
        "dataset": plan.experiment.dataset.name,
        **_data_identity(plan.experiment),
        "folds_name": plan.experiment.folds.name,
        "leaking": plan.experiment.folds.leaking,
        "chosen_on_held_out": np.array_equal(plan.parts.valid, plan.parts.held_out),
        "seed": config.seed,
        "precision": trainer.precision,
        "device": trainer.device.type,
        "weights_sha256": sha256_file(fold.weights),
        "backbone_weights_sha256": sha256_file(weights) if weights else None,
        "hardware": hardware(trainer.device),
        "versions": versions(),
        "git": git_state(),
    }
