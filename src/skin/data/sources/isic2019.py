"""ISIC 2019: eight classes, and in the test set lesions that are none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from skin.data.sources import Split
from skin.data.sources.challenge import ChallengeSource, SplitFiles
from skin.data.sources.metadata import normalise
from skin.data.sources.tables import Table, one_hot
from skin.taxonomy import get_challenge

_CHALLENGE = get_challenge("isic2019")
_DESCRIBED = {
    "image_id": "image",
    "age": "age_approx",
    "sex": "sex",
    "site": "anatom_site_general",
}


@dataclass(frozen=True)
class Isic2019(ChallengeSource):
    """ISIC 2019. What the truth says is UNK has the label `unknown`, which is in no class.

    Some files are named `ISIC_0000000_downsampled`, in the tables too; the id is `ISIC_0000000`,
    by which the same image is known in other years.
    """

    reader: ClassVar[str] = "isic2019"
    splits: ClassVar[Mapping[Split, SplitFiles]] = {
        "train": SplitFiles(
            truth=("ISIC_2019_Training_GroundTruth.csv",),
            metadata=("ISIC_2019_Training_Metadata.csv",),
            columns={**_DESCRIBED, "lesion_id": "lesion_id"},
        ),
        "test": SplitFiles(
            truth=("ISIC_2019_Test_GroundTruth.csv",),
            metadata=("ISIC_2019_Test_Metadata.csv",),
            columns=_DESCRIBED,
        ),
    }

    def _labelled(self, truth: Table) -> pd.DataFrame:
        dx = one_hot(truth, _CHALLENGE.columns)
        return normalise(truth.rows.assign(dx=dx), {"image_id": "image", "dx": "dx"}, truth.name)
