"""SIIM-ISIC 2020: melanoma or not, several lesions a patient, as ISIC and Kaggle publish it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skin.console import note
from skin.data.sources import Split
from skin.data.sources.challenge import ChallengeSource, SplitFiles
from skin.data.sources.metadata import image_id, normalise, require_columns
from skin.data.sources.tables import Table, find_table, narrow, one_hot

_TRAINING = "ISIC_2020_Training"
_DUPLICATES = f"{_TRAINING}_Duplicates.csv"


@dataclass(frozen=True)
class Isic2020(ChallengeSource):
    """SIIM-ISIC 2020, by ISIC's own files or Kaggle's JPEGs and CSVs.

    The first version of the truth, and Kaggle's, tells no lesions: each image is one of its own,
    and folds keep patients together. Duplicates, where their table lies beside, are one lesion.
    The test images' truth was never published.
    """

    reader: ClassVar[str] = "isic2020"
    splits: ClassVar[Mapping[Split, SplitFiles]] = {
        "train": SplitFiles(
            folders=(f"{_TRAINING}_JPEG", "ISIC_2020_Training_Input", "jpeg/train", "train"),
            truth=(
                f"{_TRAINING}_GroundTruth_v2.csv",
                f"{_TRAINING}_GroundTruth.csv",
                "train.csv",
            ),
        ),
        "test": SplitFiles(
            folders=("ISIC_2020_Test_JPEG", "ISIC_2020_Test_Input", "jpeg/test", "test"),
            metadata=("ISIC_2020_Test_Metadata.csv", "test.csv"),
        ),
    }

    def _labelled(self, truth: Table) -> pd.DataFrame:
        columns = _columns(truth) | {"dx": "diagnosis"}
        if "lesion_id" in truth.rows:
            columns["lesion_id"] = "lesion_id"
        table = normalise(truth.rows, columns, truth.name, strict_dx=False)
        melanoma = one_hot(truth, ("target",), neither="benign").eq("target")
        table["dx"] = narrow(table, melanoma, truth.name)
        duplicates = find_table(self.archive, (_DUPLICATES,))
        if duplicates is None:
            note(f"there is no {_DUPLICATES}: duplicates are known by their looks alone")
        else:
            table["lesion_id"] = _joined(table, duplicates)
        return table

    def _described(self, metadata: Table) -> pd.DataFrame:
        return normalise(metadata.rows, _columns(metadata), metadata.name)


def _columns(table: Table) -> dict[str, str]:
    """The columns for what both the training and the test tables tell."""
    return {
        "image_id": table.first_of("image_name", "image"),
        "patient_id": table.first_of("patient_id", "patient"),
        "age": "age_approx",
        "sex": "sex",
        "site": table.first_of("anatom_site_general_challenge", "anatom_site_general"),
    }


def _joined(table: pd.DataFrame, duplicates: Table) -> pd.Series[str]:
    """The lesions, where those of each pair of duplicates are one, by the name that sorts first."""
    pairs = duplicates.rows
    names = ("image_name_1", "image_name_2")
    require_columns(pairs, names, duplicates.name)
    lesions, lesion = np.unique(table["lesion_id"].astype(str), return_inverse=True)
    lesion_of = pd.Series(lesion, index=table["image_id"])
    ends = pd.DataFrame({name: pairs[name].map(image_id).map(lesion_of) for name in names})
    there = ends.dropna().astype(int)
    if len(there) < len(ends):
        note(f"{len(ends) - len(there):,} rows of {duplicates.name} are of images without a row")
    edges = coo_array(
        (np.ones(len(there), bool), (there[names[0]], there[names[1]])), (len(lesions),) * 2
    )
    _, group = connected_components(edges, directed=False)
    first = pd.Series(lesions).groupby(group).min()
    return pd.Series(first[group[lesion]].to_numpy(), index=table.index)
