"""SIIM-ISIC 2020: melanoma or not, several lesions a patient, as ISIC and Kaggle publish it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skin.console import note, warn
from skin.data.sources import Split
from skin.data.sources.challenge import ChallengeSource, SplitFiles
from skin.data.sources.metadata import (
    fill_lesions,
    image_id,
    name_rows,
    normalise,
    require_columns,
)
from skin.data.sources.tables import Table, narrow, one_hot
from skin.errors import SkinError, name_some, plural
from skin.taxonomy import merge_labels

_TRAINING = "ISIC_2020_Training"
_DUPLICATES = f"{_TRAINING}_Duplicates.csv"
_MALIGNANCY = "benign_malignant"


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
            truth=(
                f"{_TRAINING}_GroundTruth_v2.csv",
                f"{_TRAINING}_GroundTruth.csv",
                "train.csv",
            ),
        ),
        "test": SplitFiles(metadata=("ISIC_2020_Test_Metadata.csv", "test.csv")),
    }

    def _labelled(self, truth: Table) -> pd.DataFrame:
        columns = _columns(truth) | {"dx": "diagnosis"}
        if "lesion_id" in truth.rows:
            columns["lesion_id"] = "lesion_id"
        table = normalise(truth.rows, columns, truth.name, strict_dx=False)
        melanoma = one_hot(truth, ("target",), neither="benign").eq("target")
        _require_agreement(truth, melanoma)
        table["dx"] = narrow(table, melanoma, truth.name)
        duplicates = self._contents.find(_DUPLICATES)
        if duplicates is None:
            note(f"there is no {_DUPLICATES}: duplicates are known by their looks alone")
        else:
            _join(table, duplicates)
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


def _require_agreement(truth: Table, melanoma: pd.Series[bool]) -> None:
    """Check that the target is what `benign_malignant` says, which is its other name."""
    if _MALIGNANCY not in truth.rows:
        return
    said = truth.rows[_MALIGNANCY]
    differs = said.ne("") & said.str.lower().ne(melanoma.map({True: "malignant", False: "benign"}))
    rows = truth.rows.index[differs]
    if len(rows):
        raise SkinError(
            f"{truth.name}, {name_rows(rows)}: {_MALIGNANCY} is '{said[rows[0]]}' where target is "
            f"{int(melanoma[rows[0]])}; they say the same in the published table: fetch it again"
        )


def _join(table: pd.DataFrame, duplicates: Table) -> None:
    """Make the lesions of each pair of duplicates one, by the name that sorts first."""
    pairs = duplicates.rows
    names = ("image_name_1", "image_name_2")
    require_columns(pairs, names, duplicates.name)
    is_told = table["lesion_id"].notna()
    fill_lesions(table)
    lesions, lesion = np.unique(table["lesion_id"].astype(str), return_inverse=True)
    lesion_of = pd.Series(lesion, index=table["image_id"])
    ends = pd.DataFrame({name: pairs[name].map(image_id).map(lesion_of) for name in names})
    there = ends.dropna().astype(int)
    if len(there) < len(ends):
        lost = len(ends) - len(there)
        count = plural(lost, f"row of {duplicates.name} is", f"rows of {duplicates.name} are")
        note(f"{count} of images without a row")
    edges = coo_array(
        (np.ones(len(there), bool), (there[names[0]], there[names[1]])), (len(lesions),) * 2
    )
    _, group = connected_components(edges, directed=False)
    first = pd.Series(lesions).groupby(group).min()
    joined = pd.Series(first[group[lesion]].to_numpy(), index=table.index)
    table["lesion_id"] = joined.where(is_told | joined.duplicated(keep=False))
    _tell_contrary(table, duplicates.name)


def _tell_contrary(table: pd.DataFrame, name: str) -> None:
    """Say which lesions have come to hold images of contrary labels, or of several patients."""
    several = table[table["lesion_id"].notna() & table["lesion_id"].duplicated(keep=False)]
    by_lesion = several.groupby("lesion_id")
    contrary = [lesion for lesion, dx in by_lesion["dx"] if not _agree(dx.unique())]
    if contrary:
        count = plural(len(contrary), "lesion has", "lesions have")
        warn(f"{name}: {count} duplicates of contrary labels: {name_some(contrary)}")
    patients = by_lesion["patient_id"].nunique()
    shared = patients.index[patients > 1].tolist()
    if shared:
        count = plural(len(shared), "lesion has", "lesions have")
        warn(f"{name}: {count} duplicates of several patients: {name_some(shared)}")


def _agree(labels: Iterable[str]) -> bool:
    """Whether one lesion can have all the labels."""
    merged: str | None = "unknown"
    for label in labels:
        merged = merged and merge_labels(merged, label)
    return merged is not None
