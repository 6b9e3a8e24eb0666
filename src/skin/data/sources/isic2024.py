"""ISIC 2024 (SLICE-3D): 400,000 crops of total-body photographs, one in a thousand malignant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from skin.console import warn
from skin.data.sources import Split
from skin.data.sources.challenge import ChallengeSource, SplitFiles
from skin.data.sources.contents import hdf5_hint, unpack_hint
from skin.data.sources.hierarchy import label_levels
from skin.data.sources.metadata import name_rows, normalise, require_columns
from skin.data.sources.tables import Table, attach, one_hot
from skin.errors import SkinError

_ID = "isic_id"
_TARGETS = ("target", "malignant")  # as Kaggle and as ISIC call it
_LEVELS = ("iddx_5", "iddx_4", "iddx_3", "iddx_2", "iddx_1")  # the most specific first
_FULL = "iddx_full"
_FIELDS = {
    "lesion_id": "lesion_id",
    "patient_id": "patient_id",
    "age": "age_approx",
    "sex": "sex",
    "site": "anatom_site_general",
}
_KEPT = frozenset({_ID, *_TARGETS, *_LEVELS, _FULL, *_FIELDS.values()})  # of 55 columns

# ISIC's truth tells no patients; these do, where they lie beside it.
_MORE = ("ISIC_2024_Training_Supplement.csv", "ISIC_2024_Training_Metadata.csv", "metadata.csv")


@dataclass(frozen=True)
class Isic2024(ChallengeSource):
    """ISIC 2024, by Kaggle's HDF5 files and CSVs or by ISIC's own zip of JPEGs and its CSVs.

    Whether a lesion is malignant counts; the diagnosis (`iddx_1` to `iddx_5`) tells more where it
    does not contradict. Few rows have a lesion: the others are each a lesion of its own, and folds
    keep patients together. Where an image is there as a file and in an HDF5 file, the file is
    taken. The test images' truth was never published.
    """

    reader: ClassVar[str] = "isic2024"
    splits: ClassVar[Mapping[Split, SplitFiles]] = {
        "train": SplitFiles(truth=("train-metadata.csv", "ISIC_2024_Training_GroundTruth.csv")),
        "test": SplitFiles(metadata=("test-metadata.csv",)),
    }

    @property
    def missing_hint(self) -> str:
        """Where the images are published, and what of it is there but cannot be read in place."""
        file = "train-image.hdf5 or ISIC_2024_Training_Input.zip"
        where = file if self.split == "train" else "test-image.hdf5"
        hint = hdf5_hint(self.archive) or unpack_hint(self.archive)
        return f"they are published in {where}{hint}"

    def _rows(self) -> pd.DataFrame:
        if self.split == "test":
            return self._described(self._contents.require(*self.files.metadata, only=_KEPT))
        truth = self._contents.require(*self.files.truth, only=_KEPT)
        require_columns(truth.rows, [_ID], truth.name)
        for name in _MORE:
            more = self._contents.find(name, only=_KEPT)
            if more is not None:
                truth = _with_columns(truth, more)
        if _FIELDS["patient_id"] not in truth.rows:
            warn(
                f"{truth.name} tells no patients: images of one patient may end up in different "
                f"folds; put {' or '.join(_MORE[:1])} beside it"
            )
        return self._labelled(truth)

    def _labelled(self, truth: Table) -> pd.DataFrame:
        target = truth.first_of(*_TARGETS)
        malignant = one_hot(truth, (target,), neither="benign").eq(target)
        table = self._described(truth, dx=_FULL if _FULL in truth.rows else target)
        levels = truth.rows[[column for column in _LEVELS if column in truth.rows]]
        sure = malignant.map({True: "malignant", False: "benign"})
        table["dx"] = label_levels(levels, sure, truth.name, counts="malignancy")
        return table

    def _described(self, metadata: Table, **more: str) -> pd.DataFrame:
        there = {field: name for field, name in _FIELDS.items() if name in metadata.rows}
        columns = {"image_id": _ID, **there, **more}
        return normalise(metadata.rows, columns, metadata.name, strict_dx=False)


def _with_columns(truth: Table, more: Table) -> Table:
    """The truth with those columns of a further table that it lacks."""
    require_columns(more.rows, [_ID], more.name)
    twice = more.rows.index[more.rows[_ID].duplicated(keep=False)]
    if len(twice):
        raise SkinError(f"{more.name}, {name_rows(twice)}: images stand there twice")
    rows = truth.rows.rename(columns={_ID: "image_id"})
    columns = [str(column) for column in more.rows if column not in truth.rows]
    attach(rows, more.rows.rename(columns={_ID: "image_id"}), columns, more.name)
    rows[columns] = rows[columns].fillna("")
    return Table(truth.name, rows.rename(columns={"image_id": _ID}))
