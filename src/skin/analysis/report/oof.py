"""The tables that training leaves: out-of-fold predictions and the history of each fold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from skin.errors import SkinError, name_some
from skin.taxonomy import Task

_KEYS = {"image_id": str, "lesion_id": str, "fold": int, "target": str}
_HISTORY = {
    "epoch": int,
    "stage": str,
    "train_loss": float,
    "valid_loss": float,
    "valid_bacc": float,
}


def read_oof(paths: Sequence[Path], task: Task) -> pd.DataFrame:
    """Pool files of out-of-fold predictions.

    Returns:
        `image_id, lesion_id, fold, target` and `prob_<CODE>` for each class, ordered by image. An
        image without a lesion is its own.

    Raises:
        SkinError: a file is missing or malformed, or an image is there twice.
    """
    pooled = pd.concat([_read_predictions(path, task) for path in paths], ignore_index=True)
    twice = pooled.loc[pooled["image_id"].duplicated(), "image_id"]
    if len(twice):
        raise SkinError(f"{name_some(paths)}: images predicted twice: {name_some(twice)}")
    pooled["lesion_id"] = pooled["lesion_id"].where(pooled["lesion_id"] != "", pooled["image_id"])
    return pooled.sort_values("image_id", ignore_index=True)


def read_history(path: Path) -> pd.DataFrame:
    """Read a fold's epochs: `epoch, stage, train_loss, valid_loss, valid_bacc`.

    Raises:
        SkinError: the file is missing or malformed.
    """
    return _read(path, _HISTORY)


def _read_predictions(path: Path, task: Task) -> pd.DataFrame:
    columns = [f"prob_{code}" for code in task.codes]
    table = _read(path, {**_KEYS, **dict.fromkeys(columns, float)})
    unknown = set(table["target"]) - set(task.codes)
    if unknown:
        raise SkinError(f"{path}: targets that {task.name} does not have: {name_some(unknown)}")
    valid = ((table[columns] >= 0) & (table[columns] <= 1)).all(axis=1)  # a NaN is not valid
    if not valid.all():
        names = name_some(table.loc[~valid, "image_id"])
        raise SkinError(f"{path}: probabilities outside 0 to 1 for {names}; predict them anew")
    return table


def _read(path: Path, types: dict[str, type]) -> pd.DataFrame:
    # As text first: an id may read as NaN, and only text to float is exact in every pandas, which
    # keeps ties ties.
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise SkinError(f"{path} is missing") from None
    except ValueError as error:
        raise SkinError(f"{path} cannot be read: {error}") from None
    missing = [column for column in types if column not in table]
    if missing:
        raise SkinError(f"{path} lacks the columns {name_some(missing, most=20)}")
    if table.empty:
        raise SkinError(f"{path} has no rows")
    try:
        return table[list(types)].astype(types)
    except ValueError as error:
        raise SkinError(f"{path} cannot be read: {error}") from None
