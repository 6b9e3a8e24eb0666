"""All that is known of one dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from skin.data.catalogue.listing import Damaged, Listed, count, summarise
from skin.data.catalogue.uses import TaskUse, uses_of
from skin.data.dataset import Dataset, PoolPart, Skipped, SourceInfo
from skin.data.folds_info import list_folds, load_info
from skin.errors import SkinError
from skin.files import read_json
from skin.taxonomy import label_of

_OPTIONAL: Final = ("patient_id", "dx", "dx_type", "age", "sex", "site")

# Labels of images that are known no better; a published diagnosis beside them was not understood.
_GENERIC: Final = ("benign", "malignant", "unknown")


class FoldsState(BaseModel):
    """Folds, and whether they are of the dataset as it is.

    Attributes:
        name: as `k5-seed0`.
        hash: of their CSV.
        parts: what can be trained or is held out, as `fold 0`.
        leaking: whether they were split by image.
        current: whether the dataset has not changed since.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    hash: str
    parts: tuple[str, ...]
    leaking: bool
    current: bool


class PartState(BaseModel):
    """A dataset that a pool was made of, and whether it is still the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    hash: str
    state: Literal["as pooled", "changed", "gone"]


class Description(BaseModel):
    """A dataset.

    Attributes:
        summary: what it holds.
        metadata_hash: of ages, sexes and sites.
        source: where it was added from.
        sources: images by what they were read as, as `isic2019`; of a pool, by its parts.
        raw: how often each published diagnosis was read as each label, where it is known.
        unmapped: published diagnoses that the taxonomy does not know, of images that are labelled
            no better than benign, malignant or unknown.
        missing: images that lack each optional field; only fields that some lack.
        skipped: images that were left out as unusable.
        folds: how it was split; those whose record is damaged with the error.
        parts: what it was pooled from.
        tasks: how its diagnoses fit each task; none of images that are not to be trained on.
        citation: what to cite.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: Listed
    metadata_hash: str
    source: SourceInfo
    sources: Mapping[str, int]
    raw: Mapping[str, Mapping[str, int]]
    unmapped: Mapping[str, int]
    missing: Mapping[str, int]
    skipped: tuple[Skipped, ...]
    folds: tuple[FoldsState | Damaged, ...]
    parts: tuple[PartState, ...]
    tasks: tuple[TaskUse, ...]
    citation: str


def describe(dataset: Dataset) -> Description:
    """Tell all that is known of a dataset."""
    table, info = dataset.table, dataset.info
    summary = summarise(dataset)
    missing = {column: int(table[column].isna().sum()) for column in _OPTIONAL}
    return Description(
        summary=summary,
        metadata_hash=info.metadata_hash,
        source=info.source,
        sources=count(table["source"]),
        raw={dx: count(table["dx_raw"][table["dx"] == dx]) for dx in summary.labels},
        unmapped=_unmapped(table),
        missing={column: images for column, images in missing.items() if images},
        skipped=info.skipped,
        folds=tuple(_folds_state(dataset, name) for name in list_folds(dataset)),
        parts=part_states(dataset),
        tasks=uses_of(summary.labels) if dataset.split == "train" else (),
        citation=dataset.citation,
    )


def part_states(dataset: Dataset) -> tuple[PartState, ...]:
    """Compare the datasets that a pool was made of with what they were then."""
    return tuple(_part_state(dataset.root.parent, part) for part in dataset.info.parts)


def _unmapped(table: pd.DataFrame) -> dict[str, int]:
    published = count(table["dx_raw"][table["dx"].isin(_GENERIC)])
    return {raw: images for raw, images in published.items() if label_of(raw) is None}


def _folds_state(dataset: Dataset, name: str) -> FoldsState | Damaged:
    try:
        info = load_info(dataset.root / "folds" / f"{name}.json")
    except SkinError as error:
        return Damaged(name=name, error=str(error))
    return FoldsState(
        name=name,
        hash=info.hash,
        parts=tuple(info.parts.values()),
        leaking=info.leaking,
        current=info.dataset_hash == dataset.hash,
    )


def _part_state(data_dir: Path, part: PoolPart) -> PartState:
    path = data_dir / part.name / "dataset.json"
    if not path.is_file():
        return PartState(name=part.name, hash=part.hash, state="gone")
    try:
        now = read_json(path)
    except SkinError:
        return PartState(name=part.name, hash=part.hash, state="changed")
    same = isinstance(now, dict) and now.get("hash") == part.hash
    return PartState(name=part.name, hash=part.hash, state="as pooled" if same else "changed")
