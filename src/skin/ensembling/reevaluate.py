"""A run's out-of-fold predictions under other views than those it was evaluated with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch

from skin.allocator import keep_freed_memory
from skin.console import progress
from skin.errors import SkinError
from skin.files import replacing, require_writable, sha256_file
from skin.runs import FoldRun, Run, pool_folds, read_oof
from skin.training.evaluation import oof_table, predict_rows
from skin.training.held_out import HeldOut
from skin.training.plan import loader_workers
from skin.training.precision import choose_device
from skin.views import Tta

_SHOWN = 12  # digits of a hash in a file's name


def out_of_fold(run: Run, tta: str, data_dir: Path, device: str = "auto") -> pd.DataFrame:
    """Give the out-of-fold predictions of all finished folds with these views, as `Run.oof` does.

    A fold that was evaluated with them has its predictions already. Another one's best weights
    predict its held-out images again, the way the training did; the table is kept in the fold's
    folder under `oof`, by the views and the hash of the weights, so that this is done once.

    Args:
        run: its finished folds.
        tta: the views; see `Tta`.
        data_dir: where the datasets are.
        device: auto, cpu, cuda or cuda:1.

    Raises:
        SkinError: no fold is finished, the text names no views, a file is missing, or the dataset
            or its folds are not those that a fold was trained on.
    """
    views, folds = Tta.parse(tta), run.finished_folds()
    if not folds:
        raise SkinError(f"{run.folder} has no finished fold; see `skin train`")
    if all(fold.metadata()["tta"] == str(views) for fold in folds):
        return run.oof()
    paths = [_table_path(fold, views) for fold in folds]
    missing = [pair for pair in zip(folds, paths, strict=True) if not pair[1].exists()]
    if missing:
        _predict_again(run, missing, views, data_dir, choose_device(device))
    return pool_folds([read_oof(path, run.task) for path in paths], run.folder)


def _table_path(fold: FoldRun, views: Tta) -> Path:
    """Where the fold's predictions with these views are, or are to be."""
    if fold.metadata()["tta"] == str(views):
        return fold.folder / "oof.csv"
    if not fold.weights.exists():
        raise SkinError(
            f"{fold.weights} is missing, without which {fold.folder} can predict with no other "
            f"views than {fold.metadata()['tta']}; restore it, or train the fold anew"
        )
    return fold.folder / "oof" / f"{views}-{sha256_file(fold.weights)[:_SHOWN]}.csv"


def _predict_again(
    run: Run,
    missing: list[tuple[FoldRun, Path]],
    views: Tta,
    data_dir: Path,
    device: torch.device,
) -> None:
    """Write the folds' tables, each once it is whole."""
    keep_freed_memory()
    # Predicting takes minutes; what is wrong should be said before.
    parts = [HeldOut.find(fold, data_dir) for fold, _ in missing]
    for fold, _ in missing:
        require_writable(fold.folder)
    total = sum(len(part.rows) for part in parts)
    with progress() as bar:
        shown = bar.add_task(f"{run.name} with {views}", total=total)
        for (_, path), part in zip(missing, parts, strict=True):
            table = _predict_held_out(
                part, views, device, lambda images: bar.advance(shown, images)
            )
            with replacing(path) as temporary:
                table.to_csv(temporary, index=False)


def _predict_held_out(
    held_out: HeldOut, views: Tta, device: torch.device, on_batch: Callable[[int], None]
) -> pd.DataFrame:
    """Predict the images that a fold held out by its best weights."""
    config = held_out.experiment.config
    model = held_out.load(device)
    log_probabilities = predict_rows(
        model,
        held_out.images(),
        held_out.rows,
        tta=views,
        metadata=held_out.metadata(),
        batch_size=config.training.eval_batch_size,
        workers=loader_workers(config.runtime.workers, on_gpu=device.type != "cpu"),
        device=device,
        precision=held_out.precision(device, model),
        on_batch=on_batch,
    )
    return oof_table(
        held_out.experiment, held_out.fold.fold, held_out.rows, log_probabilities.numpy()
    )
