"""A finished fold's outlier files, for tasks with a column of unknown lesions.

`features.safetensors` says where the classes lie in the model's features, `outliers.csv` how
unlike the training images each held-out image is: those of the task, and those that the fold holds
out and that are none of its classes. All is of single views, without test-time augmentation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from skin.allocator import keep_freed_memory
from skin.console import progress
from skin.data.loader import evaluation_loader
from skin.errors import SkinError, first_line
from skin.files import replacing, require_writable, sha256_file
from skin.models.build import LesionClassifier, Seen
from skin.models.forward import autocast, see_batch
from skin.models.outliers import SCORES, FeatureStatistics, outlier_score, scores_of
from skin.randomness import PROBE, key
from skin.runs import OOF_KEYS, FoldRun
from skin.taxonomy import OUTSIDE, get_task
from skin.training.held_out import HeldOut
from skin.training.plan import loader_workers
from skin.training.precision import choose_device

TABLE: Final = "outliers.csv"
FEATURES: Final = "features.safetensors"
_MADE_OF = "made_of"
_MOST = 500
"""Training images of a class that the statistics are of; of 8 classes, 4,000."""


def keep_outliers(fold: FoldRun, data_dir: Path) -> None:
    """Write a finished fold's outlier files, unless it has them or its task has no use of them.

    The statistics are of the training images as they are evaluated, each once, at most 500 of a
    class: a choice by the fold's seed. The table is written first, so that whoever finds the
    statistics finds both.

    Raises:
        SkinError: the fold's data or weights are not those of its training, or the files cannot be
            written.
    """
    known = fold.metadata()
    if get_task(known["task"]).unknown is None or _are_there(fold):
        return
    require_writable(fold.folder)
    keep_freed_memory()
    held_out = HeldOut.find(fold, data_dir)
    device = choose_device(held_out.experiment.config.runtime.device)
    model = held_out.load(device)
    learnt = _learnt_rows(held_out)
    held = np.sort(np.concatenate([held_out.rows, held_out.experiment.outside(fold.fold)]))
    with progress() as bar:
        shown = bar.add_task(f"{fold.folder} outlier scores", total=len(learnt) + len(held))
        pooled = []
        for seen in _see(held_out, model, learnt, device):
            pooled.append(seen.pooled.float().cpu().numpy())
            bar.advance(shown, len(pooled[-1]))
        statistics = FeatureStatistics.fit(
            np.concatenate(pooled), held_out.experiment.targets[learnt], len(held_out.task)
        )
        placed, blocks = statistics.to(device), []
        for seen in _see(held_out, model, held, device):
            columns = {name: outlier_score(name, seen, placed).cpu() for name in scores_of(seen)}
            blocks.append(pd.DataFrame(columns))
            bar.advance(shown, len(blocks[-1]))
    table = _keys(held_out, held).join(pd.concat(blocks, ignore_index=True))
    with replacing(fold.folder / TABLE) as temporary:
        table.to_csv(temporary, index=False)
    _save(fold, statistics)


def read_outliers(fold: FoldRun) -> pd.DataFrame:
    """Read the outlier scores of a finished fold's held-out images, unknown ones included.

    Columns: `image_id`, `lesion_id`, `fold`, `target` (a class code, or the task's `unknown`), and
    each of `SCORES` that the model can give.

    Raises:
        SkinError: the files are missing, damaged, or of other weights.
    """
    path = fold.folder / TABLE
    _require_statistics(fold)
    types = {
        **dict(zip(OOF_KEYS, (str, str, int, str), strict=True)),
        **dict.fromkeys(SCORES, float),
    }
    try:
        table = pd.read_csv(path, dtype=types, keep_default_na=False, float_precision="round_trip")
    except (OSError, ValueError) as error:
        raise SkinError(f"{path} cannot be read ({first_line(error)}); {_again(fold)}") from None
    scores = [name for name in SCORES if name in table]
    if list(table) != [*OOF_KEYS, *scores] or not np.isfinite(table[scores]).all(axis=None):
        raise SkinError(f"{path} does not hold a number of each score; {_again(fold)}")
    return table


def load_statistics(fold: FoldRun) -> FeatureStatistics:
    """Read the statistics of a finished fold's features.

    Raises:
        SkinError: the file is missing, damaged, or of other weights.
    """
    path = fold.folder / FEATURES
    _require_weights(fold)
    try:
        tensors = load_file(path)
        return FeatureStatistics(tensors["means"], tensors["whitening"])
    except (SafetensorError, OSError, KeyError) as error:
        raise SkinError(f"{path} is damaged ({first_line(error)}); {_again(fold)}") from None


def _learnt_rows(held_out: HeldOut) -> NDArray[np.int64]:
    """Rows of the training part, ascending, at most `_MOST` of a class."""
    experiment, number = held_out.experiment, held_out.fold.fold
    rows = experiment.parts(number).train
    chosen = []
    for index in range(len(held_out.task)):
        own = rows[experiment.targets[rows] == index]
        draw = np.random.default_rng(key(PROBE, experiment.seed(number), index))
        chosen.append(draw.permutation(own)[:_MOST])
    return np.sort(np.concatenate(chosen))


def _see(
    held_out: HeldOut, model: LesionClassifier, rows: NDArray[np.int64], device: torch.device
) -> Iterator[Seen]:
    """Show the model the rows, a batch at a time, as it is evaluated."""
    config = held_out.experiment.config
    on_gpu = device.type != "cpu"
    precision, metadata = held_out.precision(device, model), held_out.metadata()
    loader = evaluation_loader(
        held_out.images(),
        rows,
        config.training.eval_batch_size,
        loader_workers(config.runtime.workers, on_gpu=on_gpu),
        pin_memory=device.type == "cuda",
    )
    for batch in loader:
        images = batch.images.to(device, non_blocking=True)
        known = None if metadata is None else metadata[batch.rows].to(device)
        with autocast(device, precision):
            _, seen = see_batch(model, images, metadata=known)
        yield seen


def _keys(held_out: HeldOut, rows: NDArray[np.int64]) -> pd.DataFrame:
    """Which images the rows are, as a table of out-of-fold predictions says it."""
    task, targets = held_out.task, held_out.experiment.targets[rows]
    images = held_out.dataset.table.iloc[rows]
    return pd.DataFrame(
        {
            "image_id": images["image_id"].to_numpy(),
            "lesion_id": images["lesion_id"].to_numpy(),
            "fold": held_out.fold.fold,
            "target": [task.unknown if t == OUTSIDE else task.codes[t] for t in targets],
        }
    )


def _save(fold: FoldRun, statistics: FeatureStatistics) -> None:
    tensors = {"means": statistics.means, "whitening": statistics.whitening}
    made = {
        "weights_sha256": sha256_file(fold.weights),
        "table_sha256": sha256_file(fold.folder / TABLE),
    }
    with replacing(fold.folder / FEATURES) as temporary:
        try:
            # Of several entries the library takes any order, and the bytes would differ.
            save_file(tensors, temporary, {_MADE_OF: json.dumps(made)})
        except SafetensorError as error:
            raise OSError(first_line(error)) from error


def _made_of(fold: FoldRun) -> dict[str, str]:
    """The hashes that the statistics were written with; none if there is no whole file."""
    try:
        with safe_open(fold.folder / FEATURES, "pt") as file:
            made: dict[str, str] = json.loads((file.metadata() or {}).get(_MADE_OF, "{}"))
    except (OSError, ValueError, SafetensorError):
        return {}
    return made


def _are_there(fold: FoldRun) -> bool:
    """Whether both files are there, and of the fold's weights."""
    path, made = fold.folder / TABLE, _made_of(fold)
    return (
        path.is_file()
        and made.get("table_sha256") == sha256_file(path)
        and made.get("weights_sha256") == sha256_file(fold.weights)
    )


def _require_weights(fold: FoldRun) -> None:
    if not (fold.folder / FEATURES).is_file():
        raise SkinError(f"{fold.folder / FEATURES} is missing; {_again(fold)}")
    if _made_of(fold).get("weights_sha256") != sha256_file(fold.weights):
        raise SkinError(f"{fold.folder / FEATURES} is not of the weights beside it; {_again(fold)}")


def _require_statistics(fold: FoldRun) -> None:
    """Refuse a table without its statistics, or of other weights, or that was edited."""
    path = fold.folder / TABLE
    if not path.is_file():
        raise SkinError(f"{path} is missing; {_again(fold)}")
    _require_weights(fold)
    if _made_of(fold).get("table_sha256") != sha256_file(path):
        raise SkinError(f"{path} was changed after it was made; {_again(fold)}")


def _again(fold: FoldRun) -> str:
    return f"the `skin train` command of {fold.folder.parent} makes it, and trains nothing anew"
