"""The datasets of a pool as one table, in which equal ids mean the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.data.dataset import DTYPES, Dataset, find_dataset
from skin.data.thumbnails import SIDE
from skin.errors import SkinError

_OWN: Final = "~"
"""Stands between a dataset's name, which cannot hold it, and an id that means something there
alone; file names, CSVs and addresses take it as it is."""

_IDS = ("image_id", "lesion_id", "patient_id")
_FEWEST = 2


def load_parts(data_dir: Path, names: Sequence[str]) -> tuple[Dataset, ...]:
    """Load the datasets to be pooled.

    Raises:
        SkinError: one is not there, is named twice or is a pool, there is only one, or they are
            of different splits.
    """
    if len(names) < _FEWEST:
        raise SkinError("a pool needs at least two datasets: name another one")
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise SkinError(f"dataset '{twice}' is named twice; name each once")
    parts = tuple(find_dataset(data_dir, name) for name in names)
    for part in parts:
        if part.info.parts:
            inner = " ".join(each.name for each in part.info.parts)
            raise SkinError(f"'{part.name}' is a pool itself: name what it was made of: {inner}")
    splits = {part.name: part.split for part in parts}
    if len(set(splits.values())) > 1:
        listed = ", ".join(f"{name}: {split}" for name, split in splits.items())
        raise SkinError(f"datasets of different splits cannot be pooled ({listed})")
    return parts


def gather(parts: Sequence[Dataset]) -> pd.DataFrame:
    """Put the datasets' tables below each other.

    Returns:
        The columns of `DTYPES`, `source` being the dataset's name, ids being those of
        `common_ids`; and `part` and `row`, where the image is in `parts`.
    """
    tables = [
        common_ids(part).assign(part=place, row=np.arange(len(part)), source=part.name)
        for place, part in enumerate(parts)
    ]
    return pd.concat(tables, ignore_index=True).astype({"source": DTYPES["source"]})


def common_ids(dataset: Dataset) -> pd.DataFrame:
    """A dataset's table with ids that mean the same, if equal, in all datasets.

    Those of a namespace stay as they are; others get the dataset's name.
    """
    if dataset.info.namespace:
        return dataset.table
    table = dataset.table
    return table.assign(**{column: own_id(dataset.name, "") + table[column] for column in _IDS})


def own_id(dataset: str, image_id: str) -> str:
    """An id of a dataset that has no namespace, as a pool has it."""
    return f"{dataset}{_OWN}{image_id}"


def thumbnails(parts: Sequence[Dataset]) -> NDArray[np.uint8]:
    """The thumbnails (N, 48, 48) of all images, from each dataset's largest cache.

    Raises:
        SkinError: a dataset has no cached images.
    """
    all_of_them = np.empty((sum(map(len, parts)), SIDE, SIDE), np.uint8)
    first = 0
    for part in parts:
        cache = part.open_cache(max(part.require_short_sides()))
        all_of_them[first : first + len(part)] = cache.thumbnails
        first += len(part)
    return all_of_them
