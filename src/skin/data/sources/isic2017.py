"""ISIC 2017, part 3: melanoma, seborrheic keratosis, or neither, which is a nevus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from skin.data.sources import Split
from skin.data.sources.challenge import ChallengeSource, SplitFiles
from skin.data.sources.metadata import normalise
from skin.data.sources.tables import Table, one_hot

_COLUMNS = ("melanoma", "seborrheic_keratosis")


def _files(split: str) -> SplitFiles:
    """The metadata lie among the images."""
    return SplitFiles(
        truth=(f"ISIC-2017_{split}_Part3_GroundTruth.csv",),
        metadata=(f"ISIC-2017_{split}_Data_metadata.csv",),
        columns={"image_id": "image_id", "age": "age_approximate", "sex": "sex"},
    )


@dataclass(frozen=True)
class Isic2017(ChallengeSource):
    """ISIC 2017, part 3. The challenge tells no lesions: each image is one of its own."""

    reader: ClassVar[str] = "isic2017"
    splits: ClassVar[Mapping[Split, SplitFiles]] = {
        "train": _files("Training"),
        "validation": _files("Validation"),
        "test": _files("Test_v2"),
    }

    def _labelled(self, truth: Table) -> pd.DataFrame:
        dx = one_hot(truth, _COLUMNS, neither="nevus")
        table = normalise(
            truth.rows.assign(dx=dx), {"image_id": "image_id", "dx": "dx"}, truth.name
        )
        melanoma, keratosis = (column + "=" + truth.rows[column] for column in _COLUMNS)
        table["dx_raw"] = melanoma + ", " + keratosis
        return table
