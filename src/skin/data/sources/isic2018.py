"""ISIC 2018, task 3: HAM10000 as the challenge publishes it, with validation and test images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from skin.data.sources import Split
from skin.data.sources.challenge import ChallengeSource, SplitFiles
from skin.data.sources.ham10000 import COLUMNS, METADATA
from skin.data.sources.metadata import name_rows, normalise
from skin.data.sources.tables import Table, attach, one_hot
from skin.data.sources.vocabulary import DX_TYPES
from skin.errors import SkinError, name_some, plural
from skin.taxonomy import get_task

_TASK = get_task("isic2018")
_GROUPINGS = "ISIC2018_Task3_Training_LesionGroupings.csv"
_GROUPED = {
    "image_id": "image",
    "lesion_id": "lesion_id",
    "dx_type": "diagnosis_confirm_type",
}
_LEAK = "without their lesions, folds would leak"


@dataclass(frozen=True)
class Isic2018(ChallengeSource):
    """ISIC 2018, task 3.

    The training images are HAM10000's, and give the same dataset as `Ham10000` does. The challenge
    publishes neither age nor sex nor site: they are taken from HAM10000's metadata where these lie
    beside, which must tell the same labels and lesions. Validation and test images are each a
    lesion of its own, but where the test's truth is the Dataverse's, which is laid out as
    HAM10000's metadata and tells lesions too.
    """

    reader: ClassVar[str] = "isic2018"
    splits: ClassVar[Mapping[Split, SplitFiles]] = {
        "train": SplitFiles(
            truth=("ISIC2018_Task3_Training_GroundTruth.csv",),
            metadata=METADATA,
            columns={field: COLUMNS[field] for field in ("image_id", "age", "sex", "site")},
        ),
        "validation": SplitFiles(truth=("ISIC2018_Task3_Validation_GroundTruth.csv",)),
        "test": SplitFiles(truth=("ISIC2018_Task3_Test_GroundTruth.csv",)),
    }

    def _truth(self) -> Table | None:
        is_there = self._contents.holds(*self.files.truth)
        if self.split == "train" and not is_there and self._contents.holds(*METADATA):
            raise SkinError(
                f"{self.archive.root} has no {self.files.truth[0]}; this is HAM10000's own "
                f"layout: `skin data add ham10000 {self.archive.root}`"
            )
        return super()._truth()

    def _labelled(self, truth: Table) -> pd.DataFrame:
        if {"image_id", "dx"} <= set(truth.rows):
            table = normalise(truth.rows, _those_in(truth), truth.name)
        else:
            rows = truth.rows.assign(dx=one_hot(truth, _TASK.codes))
            table = normalise(rows, {"image_id": "image", "dx": "dx"}, truth.name)
        if self.split == "train":
            self._group(table)
        return table

    def _described(self, metadata: Table) -> pd.DataFrame:
        """With the labels and lesions that they tell, to be compared."""
        columns = {**_those_in(metadata), **self.files.columns}
        return normalise(metadata.rows, columns, metadata.name)

    def _group(self, table: pd.DataFrame) -> None:
        """Say which images are of one lesion."""
        groupings = self._contents.require(_GROUPINGS)
        known = normalise(groupings.rows, _GROUPED, groupings.name)
        nameless = known.index[known["lesion_id"].isna()]
        if len(nameless):
            raise SkinError(f"{groupings.name}, {name_rows(nameless)}: no lesion is named; {_LEAK}")
        unknown = known["dx_type"].notna() & ~known["dx_type"].isin(list(DX_TYPES))
        if unknown.any():
            values = name_some(f"'{value}'" for value in known["dx_type"][unknown].unique())
            raise SkinError(
                f"{groupings.name}, {name_rows(known.index[unknown])}: unknown "
                f"diagnosis_confirm_type {values}; known: {', '.join(DX_TYPES)}"
            )
        known["dx_type"] = known["dx_type"].map(DX_TYPES)
        attach(table, known, ("lesion_id", "dx_type"), groupings.name)
        lost = table["image_id"][table["lesion_id"].isna()]
        if len(lost):
            raise SkinError(
                f"{groupings.name} has no row for {plural(len(lost), 'image')} of the ground "
                f"truth: {name_some(lost)}; {_LEAK}"
            )


def _those_in(table: Table) -> dict[str, str]:
    """HAM10000's columns that a table has."""
    return {field: column for field, column in COLUMNS.items() if column in table.rows}
