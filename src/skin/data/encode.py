"""Age, sex and site of the body as numbers that a model takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SEXES = ("male", "female")

# The values of HAM10000's `localization`, then those that ISIC 2019 (`anatom_site_general`) and
# ISIC 2020 (`anatom_site_general_challenge`) add. Weights depend on the order.
SITES = (
    "abdomen",
    "acral",
    "back",
    "chest",
    "ear",
    "face",
    "foot",
    "genital",
    "hand",
    "lower extremity",
    "neck",
    "scalp",
    "trunk",
    "upper extremity",
    "anterior torso",
    "head/neck",
    "lateral torso",
    "oral/genital",
    "palms/soles",
    "posterior torso",
    "torso",
)
OTHER_SITE = "other"

METADATA_COLUMNS: tuple[str, ...] = (
    "age / 100",
    "age known",
    *(f"sex: {sex}" for sex in SEXES),
    *(f"site: {site}" for site in (*SITES, OTHER_SITE)),
)
"""What each column of `encode_metadata` says, in order."""

METADATA_SIZE = len(METADATA_COLUMNS)

METADATA_FIELDS: Mapping[str, slice] = {
    "age": slice(0, 2),
    "sex": slice(2, 2 + len(SEXES)),
    "site": slice(2 + len(SEXES), METADATA_SIZE),
}
"""The columns of each field of a dataset's table; together they are all columns, in order."""

_CENTURY = 100.0  # years


def encode_metadata(table: pd.DataFrame) -> NDArray[np.float32]:
    """Encode the columns `age`, `sex` and `site` of a dataset's table.

    Age is a share of 100 years, at most 1, beside a flag that it is known, so that a newborn is
    not taken for a missing age. Sex and site are one-hot; a site outside `SITES` counts as
    `OTHER_SITE`, and a sex outside `SEXES` as missing. A missing field is zeros: the zero vector
    is an image without metadata.

    Args:
        table: `age` in years, NaN where missing; `sex` and `site` in lower case, NA where missing.

    Returns:
        (N, METADATA_SIZE) float32 with values in 0 to 1; the columns are `METADATA_COLUMNS`.
    """
    age = table["age"].to_numpy(dtype=np.float64, na_value=np.nan)
    share = np.nan_to_num(age / _CENTURY).clip(0, 1)
    site = table["site"].where(table["site"].isna() | table["site"].isin(SITES), OTHER_SITE)
    columns = [
        share[:, None],
        ~np.isnan(age)[:, None],
        _one_hot(table["sex"], SEXES),
        _one_hot(site, (*SITES, OTHER_SITE)),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _one_hot(words: pd.Series[str], vocabulary: Sequence[str]) -> NDArray[np.bool_]:
    """Mark each word's place (N, V); a missing or unknown word has none."""
    places = pd.Categorical(words, categories=list(vocabulary)).codes
    marked: NDArray[np.bool_] = places[:, None] == np.arange(len(vocabulary))
    return marked
