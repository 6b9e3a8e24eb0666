"""Which images stay together, and how those groups are spread evenly over a dataset's parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from iterstrat.ml_stratifiers import IterativeStratification
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from skin.data.links import components, equal
from skin.errors import SkinError

_FEWEST = 2  # parts
_AGE_BANDS = [0, 30, 45, 60, 75, np.inf]  # years, left-closed
# Images of a group, left-closed: a lesion has a few, a patient up to thousands.
_SIZE_BANDS = [1, 2, 3, 4, 10, 30, 100, 300, 1000, 3000, np.inf]


def group_images(table: pd.DataFrame, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the sets of images that must stay together.

    Args:
        table: a dataset's table of N images.
        pairs: (P, 2), rows of images that show the same.

    Returns:
        (N,) the number of each image's group, from 0: the connected components of the images
        joined by lesion, by patient where it is known, and by `pairs`.
    """
    same = [equal(table[column]) for column in ("lesion_id", "patient_id")]
    return components(len(table), [pairs.reshape(-1, 2), *same])


def assign_groups(
    table: pd.DataFrame, groups: NDArray[np.int64], shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Give each image (N,) the part of its group, groups being spread evenly.

    The labels that are spread are diagnosis, sex, site, age and number of images.

    Args:
        table: a dataset's table of N images.
        groups: (N,) as `group_images` gives them.
        shares: how much each part should hold; sums to 1.
        seed: of the assignment; the same seed gives the same parts.

    Raises:
        SkinError: there are fewer than 2 parts, or fewer groups than parts.
    """
    count = int(groups.max()) + 1
    if len(shares) not in range(_FEWEST, count + 1):
        raise SkinError(
            f"{len(shares)} parts of {count} groups of images: choose from {_FEWEST} to {count}"
        )
    return _stratify(_labels(table, groups, shares), shares, seed)[groups]


def assign_images(table: pd.DataFrame, shares: Sequence[float], seed: int) -> NDArray[np.int64]:
    """Give each image (N,) a part, whatever its lesion; only the diagnoses are spread evenly.

    Args:
        table: a dataset's table of N images.
        shares: how much each part should hold; sums to 1.
        seed: of the assignment; the same seed gives the same parts.

    Raises:
        SkinError: there are fewer than 2 parts, or fewer images than parts.
    """
    if len(shares) not in range(_FEWEST, len(table) + 1):
        raise SkinError(
            f"{len(shares)} parts of {len(table)} images: choose from {_FEWEST} to {len(table)}"
        )
    return _stratify(pd.get_dummies(table["dx"]).to_numpy(bool), shares, seed)


def _stratify(labels: NDArray[np.bool_], shares: Sequence[float], seed: int) -> NDArray[np.int64]:
    """Give each row of labels (R, L) a part (R,) by iterative stratification.

    K. Sechidis, G. Tsoumakas, I. Vlahavas, On the stratification of multi-label data (2011).
    Called below the library's splitters, which know equal folds or two parts; for equal shares
    it gives the folds of `MultilabelStratifiedKFold(shuffle=True, random_state=seed)`.
    """
    random = check_random_state(seed)
    order = random.permutation(len(labels))
    parts = np.empty(len(labels), np.int64)
    parts[order] = IterativeStratification(labels[order], np.array(shares), random)
    return parts


def _labels(
    table: pd.DataFrame, groups: NDArray[np.int64], shares: Sequence[float]
) -> NDArray[np.bool_]:
    """What is to be spread evenly over the parts: (groups, labels).

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
    enough = round(2 / min(shares))  # that the smallest part may expect two
    traits["both"] = both.where(pd.Series(groups).groupby(both).transform("nunique") >= enough)
    return pd.get_dummies(traits).groupby(groups).max().to_numpy(bool)
