"""What a dataset's lesions are divided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skin.analysis.metrics import IntArray
from skin.analysis.skin_tone import BANDS, CAST, HIDDEN

UNKNOWN = "unknown"
_AGES = {"under 30": 30, "30 to 44": 45, "45 to 59": 60, "60 to 74": 75, "75 and over": np.inf}
AGE_BANDS = tuple(_AGES)
"""By age in years, in order; folds are stratified by the same ones."""
_COLUMNS = {
    "sex": "Sex",
    "site": "Site",
    "dx_type": "How the diagnosis was confirmed",
    "source": "Image source",
}
_WORDS = {"histo": "histopathology", "follow_up": "follow-up", "consensus": "expert consensus"}


@dataclass(frozen=True, eq=False)
class Factor:
    """One way to divide lesions.

    Attributes:
        key: as `age`.
        title: as a reader knows it.
        levels: the subgroups' names, in order; each occurs.
        of_image: (N,) the index of each image's level, the same for all images of a lesion.
    """

    key: str
    title: str
    levels: Sequence[str]
    of_image: IntArray


def factors(images: pd.DataFrame, lesions: IntArray, tone: pd.Series | None = None) -> list[Factor]:
    """Divide lesions by age, sex, site, confirmation, image source and, if given, skin tone.

    A lesion whose images differ, as by the age at which each was taken, goes as a whole with most
    of them, so that no lesion is on both sides of a comparison.

    Args:
        images: rows of a dataset's table.
        lesions: (N,) the lesion index of each.
        tone: the band of each, as `skin_tone` gives it.
    """
    found = [_factor("age", "Age in years", age_bands(images["age"]), AGE_BANDS, lesions)]
    for column, title in _COLUMNS.items():
        values = images[column].fillna(UNKNOWN).astype(str).replace(_WORDS)
        by_count = [str(value) for value in values.value_counts().index]
        found.append(_factor(column, title, values, by_count, lesions))
    if tone is not None:
        order = [*BANDS, CAST, HIDDEN]
        found.append(_factor("skin_tone", "Skin tone proxy (ITA)", tone, order, lesions))
    return found


def age_bands(ages: pd.Series) -> pd.Series:
    """The band of each age in years, whose lower end belongs to it; missing as the age is."""
    cut = pd.cut(ages, [-np.inf, *_AGES.values()], right=False, labels=AGE_BANDS)
    return cut.astype(object)


def _factor(
    key: str, title: str, values: pd.Series, order: Sequence[str], lesions: IntArray
) -> Factor:
    """Number the levels that occur, in order and unknown ones last, and settle each lesion's."""
    known = [level for level in order if level != UNKNOWN]
    codes = pd.Categorical(values.fillna(UNKNOWN), [*known, UNKNOWN]).codes.astype(np.int64)
    counts = np.zeros((lesions.max() + 1, len(known) + 1), np.int64)
    np.add.at(counts, (lesions, codes), 1)
    settled = counts.argmax(axis=1)[lesions]
    there, of_image = np.unique(settled, return_inverse=True)
    return Factor(key, title, [[*known, UNKNOWN][i] for i in there], of_image)
