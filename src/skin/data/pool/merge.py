"""What a pool says of each image, where several datasets say something."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.data.links import Edges, differing, equal, first_of_each
from skin.data.pool.record import Conflict
from skin.taxonomy import merge_labels

# What is said together: a value comes with the published text that it was read from.
_TOGETHER = (["age", "age_raw"], ["sex", "sex_raw"], ["site", "site_raw"], ["dx_type"])


class Merged(NamedTuple):
    """The rows of several datasets, made one table.

    Attributes:
        table: all rows, in their order; each says what the pool says of it.
        keeper: (N,) the row that stands for each one; the pool's rows stand for themselves.
        differs: (N,) whether a row is another photograph than the first row of its id.
        conflicts: diagnoses that were overruled.
    """

    table: pd.DataFrame
    keeper: NDArray[np.int64]
    differs: NDArray[np.bool_]
    conflicts: tuple[Conflict, ...]


def merge(rows: pd.DataFrame, pairs: Edges, *, drop_copies: bool) -> Merged:
    """Join equal images, and bring together what is said of each.

    An image is one photograph: rows of one id, and those of other ids that `_copies` joins to
    them. It has one diagnosis, what all its rows have in common, and one patient. Rows that one
    row comes to stand for lend it what it does not say. Lesions of one id, and those of rows of
    one id or of a pair, become one.

    A row that is another photograph than the first one of its id is not kept, and its picture
    neither: it says nothing of the image, and its copies are none of the image's. It joins
    lesions and patients all the same, so that folds keep together whatever one id was given to.

    Args:
        rows: as `gather` gives them.
        pairs: (P, 2), rows that show the same photograph.
        drop_copies: whether one row stands for all of a photograph's ids, not of one id only.
    """
    same_id = equal(rows["image_id"])
    differs = differing(same_id, pairs)
    by_id = first_of_each(len(rows), [same_id])
    copies = _copies(rows, pairs[~differs[pairs].any(axis=1)], by_id)
    image = first_of_each(len(rows), [same_id[~differs], copies])
    lesion = first_of_each(len(rows), [same_id, pairs, equal(rows["lesion_id"])])
    patient = first_of_each(len(rows), [same_id, copies, equal(rows["patient_id"])])
    keeper = image[by_id] if drop_copies else by_id
    labels, conflicts = _labels(rows, image)
    table = rows.assign(
        lesion_id=_lesions(rows, lesion),
        patient_id=rows["patient_id"].groupby(patient).transform("first"),
        dx=labels.iloc[by_id].set_axis(rows.index),
        dx_raw=_lent(rows, ["dx", "dx_raw"], keeper, differs)["dx_raw"],
    )
    for columns in _TOGETHER:
        table = table.assign(**_lent(rows, columns, keeper, differs))
    return Merged(table, keeper, differs, conflicts)


def _copies(rows: pd.DataFrame, pairs: Edges, by_id: NDArray[np.int64]) -> Edges:
    """Join the images of later datasets that are copies to the first image of an earlier one.

    To one only, so that images of a dataset, which tells them apart, are not joined by way of
    another's.
    """
    firsts = np.sort(by_id[pairs], axis=1)
    owner = rows["part"].to_numpy()
    across = firsts[owner[firsts[:, 0]] != owner[firsts[:, 1]]]
    across = across[np.lexsort(across.T)]  # by the second one, then the first
    _, chosen = np.unique(across[:, 1], return_index=True)
    copies: Edges = across[chosen]
    return copies


def _lent(
    rows: pd.DataFrame,
    columns: list[str],
    keeper: NDArray[np.int64],
    differs: NDArray[np.bool_],
) -> pd.DataFrame:
    """Some columns, each row's from the first row with its keeper that says the first of them."""
    is_said = rows[columns[0]].notna() & ~differs
    says = pd.Series(np.arange(len(rows)), dtype="Int64").where(is_said)
    lender = says.groupby(keeper).transform("first").fillna(pd.Series(keeper, dtype="Int64"))
    return rows[columns].iloc[lender.to_numpy(np.int64)].set_axis(rows.index)


def _lesions(rows: pd.DataFrame, lesion: NDArray[np.int64]) -> pd.Series[str]:
    """The first id that a lesion was given; else that of its first image.

    Where an archive names no lesion, its readers set the image's own id.
    """
    given = rows["lesion_id"].where(rows["lesion_id"] != rows["image_id"])
    own = rows["image_id"].iloc[lesion].set_axis(rows.index)
    return given.groupby(lesion).transform("first").fillna(own)


def _labels(
    rows: pd.DataFrame, image: NDArray[np.int64]
) -> tuple[pd.Series[str], tuple[Conflict, ...]]:
    """What all rows of an image say of it; the first ones count where others contradict them."""
    dx = rows["dx"]
    labels = dx.groupby(image).transform("first")
    conflicts: list[Conflict] = []
    differ = dx.groupby(image).transform("nunique").to_numpy() > 1
    for _, places in pd.Series(np.flatnonzero(differ)).groupby(image[differ]):
        said = [(row, dx.iloc[row]) for row in places if pd.notna(dx.iloc[row])]
        (first, label), *others = said
        for row, other in others:
            both = merge_labels(label, other)
            if both is None:
                conflicts.append(_conflict(rows, first, label, row))
            else:
                label = both
        labels.iloc[places.to_numpy()] = label
    return labels, tuple(conflicts)


def _conflict(rows: pd.DataFrame, first: int, label: str, other: int) -> Conflict:
    return Conflict(
        image_id=rows["image_id"].iloc[first],
        dataset=rows["source"].iloc[first],
        dx=label,
        other_image_id=rows["image_id"].iloc[other],
        other_dataset=rows["source"].iloc[other],
        other_dx=rows["dx"].iloc[other],
    )
