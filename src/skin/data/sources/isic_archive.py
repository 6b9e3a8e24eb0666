"""The ISIC Archive: any download of its images with `metadata.csv`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import pandas as pd

from skin.console import note
from skin.data.sources import ISIC
from skin.data.sources.hierarchy import label_levels
from skin.data.sources.metadata import normalise, require_columns
from skin.data.sources.published import PublishedSource
from skin.data.sources.tables import Table
from skin.data.sources.terms import TERMS
from skin.data.sources.vocabulary import DX_TYPES
from skin.errors import name_some

_IDS = ("isic_id", "image_id", "image_name", "image", "name")
_FIELDS = {
    "lesion_id": "lesion_id",
    "patient_id": "patient_id",
    "age": "age_approx",
    "sex": "sex",
    "site": "anatom_site_general",
    "dx_type": "diagnosis_confirm_type",
}
# The most specific first; tables of before 2025 have the one column `diagnosis`.
_LEVELS = ("diagnosis_5", "diagnosis_4", "diagnosis_3", "diagnosis_2", "diagnosis_1", "diagnosis")
_MALIGNANCY = ("benign_malignant", "diagnosis_1")
_LICENCE = "copyright_license"
_IMAGE_TYPE = "image_type"
_SURE = frozenset({"benign", "malignant"})


@dataclass(frozen=True)
class IsicArchive(PublishedSource):
    """Images of the ISIC Archive, by its client `isic` or its site, with their `metadata.csv`.

    The label is that of the most specific diagnosis that the taxonomy knows, narrowed by whether
    the lesion is benign or malignant (`benign_malignant` or `diagnosis_1`); where these contradict
    each other the diagnosis counts, as the archive calls actinic keratoses benign here and
    indeterminate there. Older and newer tables have other columns: any may be missing but the id.
    All types of images are read, dermoscopic or not, and counted.
    """

    reader: ClassVar[str] = "isic_archive"
    namespace: ClassVar[str] = ISIC

    @property
    def licence(self) -> str:
        """All licences that the images' rows name; that of the archive where they name none."""
        rows = self._metadata.rows
        named = set(rows[_LICENCE]) - {""} if _LICENCE in rows else set()
        return ", ".join(sorted(named)) or TERMS[self.reader].licence

    @cached_property
    def _metadata(self) -> Table:
        columns = {*_IDS, *_FIELDS.values(), *_LEVELS, *_MALIGNANCY, _LICENCE, _IMAGE_TYPE}
        return self._contents.require("metadata.csv", only=columns)

    def _rows(self) -> pd.DataFrame:
        name, rows = self._metadata
        image = self._metadata.first_of(*_IDS)
        require_columns(rows, [image], name)
        columns = {field: column for field, column in _FIELDS.items() if column in rows}
        said = {column: rows[column] for column in _LEVELS if column in rows}
        levels = pd.DataFrame(said, rows.index)
        described = rows.assign(dx=_joined(levels))
        columns = {"image_id": image, "dx": "dx", **columns}
        table = normalise(described, columns, name, strict_dx=False)
        table["dx"] = label_levels(levels, _malignancy(rows), name, counts="diagnosis")
        table["dx_type"] = table["dx_type"].replace(DX_TYPES)
        _tell(rows, table, name)
        return table


def _joined(levels: pd.DataFrame) -> pd.Series[str]:
    """All that is said, the most general first, as `Benign::Nevus`."""
    texts = list(zip(*(levels[name].tolist() for name in reversed(levels.columns)), strict=True))
    joined = {text: "::".join(dict.fromkeys(filter(None, text))) for text in dict.fromkeys(texts)}
    return pd.Series([joined[text] for text in texts] or "", levels.index, dtype="str")


def _malignancy(rows: pd.DataFrame) -> pd.Series[str]:
    """`benign`, `malignant`, or `unknown` where nothing, indeterminate or both is said."""
    said = [rows[column].str.lower().tolist() for column in _MALIGNANCY if column in rows]
    pairs = list(zip(*said, strict=True)) if said else [()] * len(rows)
    sure = {pair: _sure(pair) for pair in dict.fromkeys(pairs)}
    return pd.Series([sure[pair] for pair in pairs], rows.index)


def _sure(said: Sequence[str]) -> str:
    known = {word for word in said if word in _SURE}
    return known.pop() if len(known) == 1 else "unknown"


def _tell(rows: pd.DataFrame, table: pd.DataFrame, name: str) -> None:
    """Say what the rows do not tell, and what kinds of images they are."""
    unsaid = int(table["dx_raw"].isna().sum())
    if unsaid:
        note(f"{name}: {unsaid:,} of {len(table):,} images have no diagnosis")
    if _IMAGE_TYPE in rows:
        types = rows[_IMAGE_TYPE].replace("", "no type").value_counts()
        if len(types) > 1:
            note(f"images by type: {name_some(f'{kind} ({n:,})' for kind, n in types.items())}")
