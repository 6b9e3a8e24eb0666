"""One line a dataset, told without loading its whole table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pandas as pd
from pydantic import BaseModel, ConfigDict

from skin.data.cache import cache_folder
from skin.data.dataset import TEXT, Dataset, dataset_folders, verify_table
from skin.data.dataset_info import load_info
from skin.data.folds_info import list_folds
from skin.errors import SkinError

_COLUMNS: Final = ("lesion_id", "patient_id", "dx", "split")


class Listed(BaseModel):
    """What a dataset holds.

    Attributes:
        name: that of its folder, as commands take it.
        splits: the challenge's splits that the images are of.
        images: how many.
        lesions: how many; an image of no known lesion is one of its own.
        patients: how many are known.
        labels: images by diagnosis, most first; those without one are in none.
        folds: the names of its folds.
        short_sides: bytes on disk by the short side that images are cached at; of a pool 0, as
            its images are those of its parts.
        bytes: on disk, with everything.
        parts: the datasets that it was pooled from.
        licence: under which the images may be used.
        hash: its identity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    splits: tuple[str, ...]
    images: int
    lesions: int
    patients: int
    labels: Mapping[str, int]
    folds: tuple[str, ...]
    short_sides: Mapping[int, int]
    bytes: int
    parts: tuple[str, ...]
    licence: str
    hash: str


class Damaged(BaseModel):
    """A dataset that cannot be used, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    error: str


def list_datasets(data_dir: Path) -> list[Listed | Damaged]:
    """All datasets under a folder, sorted by name; those that are damaged with their error.

    Raises:
        SkinError: it is a file.
    """
    if data_dir.exists() and not data_dir.is_dir():
        raise SkinError(f"{data_dir} is no folder; name the one that holds the datasets")
    return [_list(root) for root in dataset_folders(data_dir)]


def _list(root: Path) -> Listed | Damaged:
    try:
        return summarise(_skim(root))
    except SkinError as error:
        return Damaged(name=root.name, error=str(error))


def summarise(dataset: Dataset) -> Listed:
    """Count what a dataset holds.

    Args:
        dataset: of whose table only the lesion, the patient, the diagnosis and the split are
            looked at.
    """
    table, info = dataset.table, dataset.info
    return Listed(
        name=dataset.root.name,
        splits=tuple(sorted(table["split"].unique())),
        images=len(table),
        lesions=table["lesion_id"].nunique(),
        patients=table["patient_id"].nunique(),
        labels=count(table["dx"]),
        folds=tuple(list_folds(dataset)),
        short_sides={
            side: _bytes_under(cache_folder(dataset.root, side)) for side in dataset.short_sides
        },
        bytes=_bytes_under(dataset.root),
        parts=tuple(part.name for part in info.parts),
        licence=dataset.licence,
        hash=dataset.hash,
    )


def count(values: pd.Series[str]) -> dict[str, int]:
    """How often each value is there, most first, then by name; missing ones are not counted."""
    counts = values.value_counts().items()
    return dict(sorted(((str(v), int(n)) for v, n in counts), key=lambda pair: (-pair[1], pair[0])))


def _skim(root: Path) -> Dataset:
    """Load a dataset with the columns that `summarise` needs; its table's hash is verified.

    Raises:
        SkinError: a file is missing or damaged, or the table was edited.
    """
    info = load_info(root / "dataset.json")
    path = verify_table(root, info)
    try:
        table = pd.read_csv(
            path, usecols=list(_COLUMNS), dtype=TEXT, keep_default_na=False, na_values=[""]
        )
    except (ValueError, pd.errors.ParserError) as error:
        raise SkinError(f"{path} cannot be read: {error}; add the dataset again") from error
    return Dataset(root, table, info)


def _bytes_under(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
