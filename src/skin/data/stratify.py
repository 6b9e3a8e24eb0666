"""Which images stay together, and how those groups are spread evenly over folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skin.errors import SkinError

_FEWEST = 2  # folds
_AGE_BANDS = [0, 30, 45, 60, 75, np.inf]  # years, left-closed
_SIZE_BANDS = [1, 2, 3, 4, np.inf]  # images of a group, left-closed


def group_images(table: pd.DataFrame, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the sets of images that must stay together.

    Args:
        table: a dataset's table of N images.
        pairs: (P, 2), rows of images that show the same.

    Returns:
        (N,) the number of each image's group, from 0: the connected components of the images
        joined by lesion, by patient where it is known, and by `pairs`.
    """
    edges = [pairs.reshape(-1, 2)]
    for column in ("lesion_id", "patient_id"):
        known = table[column].dropna()
        rows = pd.Series(np.flatnonzero(table[column].notna()))
        first = rows.groupby(pd.factorize(known)[0]).transform("first")
        edges.append(np.column_stack([first, rows]))
    first, second = np.concatenate(edges).astype(np.int64).T
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(table),) * 2)
    _, groups = connected_components(graph, directed=False)
    return np.asarray(groups, np.int64)


def assign_folds(
    table: pd.DataFrame, groups: NDArray[np.int64], k: int, seed: int
) -> NDArray[np.int64]:
    """Give each image (N,) the fold of its group, groups being spread evenly.

    By iterative stratification: K. Sechidis, G. Tsoumakas, I. Vlahavas, On the stratification of
    multi-label data (2011). The labels are diagnosis, sex, site, age and number of images.

    Args:
        table: a dataset's table of N images.
        groups: (N,) as `group_images` gives them.
        k: number of folds.
        seed: of the assignment; the same seed gives the same folds.

    Raises:
        SkinError: there are fewer than 2 folds, or fewer groups than folds.
    """
    count = int(groups.max()) + 1
    if k not in range(_FEWEST, count + 1):
        raise SkinError(
            f"{k} folds of {count} groups of images: give a number from {_FEWEST} to {count}"
        )
    labels = _labels(table, groups, k)
    splitter = MultilabelStratifiedKFold(n_splits=k, shuffle=True, random_state=seed)
    fold_of_group = np.empty(count, np.int64)
    for fold, (_, held_out) in enumerate(splitter.split(np.zeros(count), labels)):
        fold_of_group[held_out] = fold
    return fold_of_group[groups]


def _labels(table: pd.DataFrame, groups: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """What is to be spread evenly over k folds: (groups, labels) of 0 and 1.

    A missing value is a label of its own. A group whose images differ has the labels of all.
    """
    size = pd.Series(groups).groupby(groups).transform("size")
    traits = pd.DataFrame(
        {
            "dx": table["dx"].to_numpy(),
            "sex": table["sex"].to_numpy(),
            "site": table["site"].to_numpy(),
            "age": pd.cut(table["age"], _AGE_BANDS, right=False, labels=False).to_numpy(),
            "size": pd.cut(size, _SIZE_BANDS, right=False, labels=False).to_numpy(),
        }
    )
    traits = traits.astype("string").fillna("missing")
    # Diagnosis and size jointly, so that each class is even in images, not only in groups. Where
    # few groups have both, that would only hinder spreading the class itself.
    both = traits["dx"] + "-" + traits["size"]
    traits["both"] = both.where(pd.Series(groups).groupby(both).transform("nunique") >= 2 * k)
    labels = pd.get_dummies(traits, dtype=np.int64)
    return labels.groupby(groups).max().to_numpy()
