"""ISIC 2018, task 3: HAM10000 as the challenge publishes it, with validation and test images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from skin.data.sources import Split
from skin.data.sources.challenge import ChallengeSource, SplitFiles
from skin.data.sources.ham10000 import METADATA
from skin.data.sources.metadata import name_rows, normalise
from skin.data.sources.tables import Table, attach, one_hot, require_table
from skin.errors import SkinError, name_some
from skin.taxonomy import get_task

_TASK = get_task("isic2018")
_GROUPINGS = "ISIC2018_Task3_Training_LesionGroupings.csv"

# What HAM10000's own table calls the ways to confirm a diagnosis.
_DX_TYPES = {
    "histopathology": "histo",
    "serial imaging showing no change": "follow_up",
    "single image expert consensus": "consensus",
    "confocal microscopy with consensus dermoscopy": "confocal",
}


def _files(split: str, *further: str) -> SplitFiles:
    name = f"ISIC2018_Task3_{split}"
    return SplitFiles((f"{name}_Input", *further), (f"{name}_GroundTruth.csv",))


@dataclass(frozen=True)
class Isic2018(ChallengeSource):
    """ISIC 2018, task 3.

    The training images are HAM10000's, and give the same dataset as `Ham10000` does. The challenge
    publishes neither age nor sex nor site: they are taken from HAM10000's metadata where these lie
    beside. Validation and test images are each a lesion of its own.
    """

    reader: ClassVar[str] = "isic2018"
    splits: ClassVar[Mapping[Split, SplitFiles]] = {
        "train": SplitFiles(
            folders=("ISIC2018_Task3_Training_Input",),
            truth=("ISIC2018_Task3_Training_GroundTruth.csv",),
            metadata=METADATA,
            columns={"image_id": "image_id", "age": "age", "sex": "sex", "site": "localization"},
        ),
        "validation": _files("Validation"),
        "test": _files("Test", "ISIC2018_Task3_Test_Images"),
    }

    def _labelled(self, truth: Table) -> pd.DataFrame:
        rows = truth.rows.assign(dx=one_hot(truth, _TASK.codes))
        table = normalise(rows, {"image_id": "image", "dx": "dx"}, truth.name)
        if self.split == "train":
            self._group(table)
        return table

    def _group(self, table: pd.DataFrame) -> None:
        """Say which images are of one lesion; without it, folds would leak."""
        groupings = require_table(self.archive, (_GROUPINGS,))
        columns = {
            "image_id": "image",
            "lesion_id": "lesion_id",
            "dx_type": "diagnosis_confirm_type",
        }
        known = normalise(groupings.rows, columns, groupings.name)
        unknown = known["dx_type"].notna() & ~known["dx_type"].isin(list(_DX_TYPES))
        if unknown.any():
            values = name_some(f"'{value}'" for value in known["dx_type"][unknown].unique())
            raise SkinError(
                f"{groupings.name}, {name_rows(known.index[unknown])}: unknown "
                f"diagnosis_confirm_type {values}; known: {', '.join(_DX_TYPES)}"
            )
        known["dx_type"] = known["dx_type"].map(_DX_TYPES)
        attach(table, known, ("lesion_id", "dx_type"), groupings.name)
        lost = table["image_id"][table["lesion_id"].isna()]
        if len(lost):
            raise SkinError(
                f"{groupings.name} has no row for {len(lost):,} images of the ground truth: "
                f"{name_some(lost)}; without their lesions, folds would leak"
            )
