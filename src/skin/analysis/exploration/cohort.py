"""A dataset as it is explored: its images with their classes, and its lesions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from skin.analysis.metrics import IntArray
from skin.analysis.subgroups.factors import AGE_BANDS, age_bands
from skin.analysis.text import PERCENT
from skin.data.cache import Cache
from skin.data.dataset import Dataset
from skin.taxonomy import TASKS, Diagnosis

MISSING: Final = "missing"
_OTHERS: Final = "others"
_TRACE = 0.001
_TO_LOOK_AT = 224  # pixels
_MOST_VALUES = 15  # of a column that are shown one by one

TRAITS: Mapping[str, str] = {
    "age_band": "age",
    "sex": "sex",
    "site": "site",
    "dx_type": "how confirmed",
    "source": "source",
    "split": "split",
    "size": "size in pixels",
}
"""What is known of an image beside its class, each by the name of its column in `images`."""

UNDIAGNOSED: Final = Diagnosis("UNK", "Unknown", frozenset(), malignant=False, melanocytic=None)
"""What an image is of whose diagnosis is missing or says nothing."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """The images and lesions of a dataset.

    Attributes:
        dataset: as it was loaded.
        images: the dataset's table and, a row an image, `class` (a code), `malignant`, `age_band`
            and `size`.
        classes: those that occur, the one of most images first; `UNDIAGNOSED` among them where an
            image's diagnosis is of no class, or is not known.
        seed: of whatever is drawn.
        resamples: of each bootstrap.
    """

    dataset: Dataset
    images: pd.DataFrame
    classes: tuple[Diagnosis, ...]
    seed: int
    resamples: int

    @classmethod
    def of(cls, dataset: Dataset, *, seed: int = 0, resamples: int = 1000) -> Self:
        """Name the class of every image of a dataset."""
        table = dataset.table
        known = _diagnoses()
        found = [known.get(dx, UNDIAGNOSED) for dx in table["dx"].fillna("")]
        images = table.assign(
            **{"class": [diagnosis.code for diagnosis in found]},
            malignant=[diagnosis.malignant for diagnosis in found],
            age_band=age_bands(table["age"]).astype("string"),
            size=table["width"].astype("string") + "x" + table["height"].astype("string"),
        )
        counts = images["class"].value_counts()
        classes = sorted(set(found), key=lambda one: (-counts[one.code], one.code))
        return cls(dataset, images, tuple(classes), seed, resamples)

    @property
    def codes(self) -> tuple[str, ...]:
        """The classes' codes, the one of most images first."""
        return tuple(diagnosis.code for diagnosis in self.classes)

    @cached_property
    def lesions(self) -> pd.DataFrame:
        """One row a lesion: its first image's, and the number of its `images`."""
        counts = self.images["lesion_id"].value_counts()
        first = self.images.drop_duplicates("lesion_id")
        return first.assign(images=first["lesion_id"].map(counts).astype(int))

    @cached_property
    def lesion(self) -> IntArray:
        """The number of each image's lesion, (N,)."""
        return np.asarray(pd.factorize(self.images["lesion_id"])[0], np.int64)

    @cached_property
    def cache(self) -> Cache | None:
        """The images at `short_side`; None where none is cached."""
        return self.dataset.open_cache(self.short_side) if self.short_side else None

    @property
    def short_side(self) -> int:
        """The smallest that is cached and large enough to look at, else the largest; 0 for none."""
        return self.dataset.short_side_for(_TO_LOOK_AT) if self.dataset.short_sides else 0

    @property
    def undiagnosed(self) -> int:
        """How many images have no diagnosis that is of a class; they count as not malignant."""
        return int((self.images["class"] == UNDIAGNOSED.code).sum())

    @property
    def has_both(self) -> bool:
        """Whether there are both malignant and benign images."""
        return len({diagnosis.malignant for diagnosis in self.classes}) > 1

    def traits(self) -> dict[str, str]:
        """Those of `TRAITS` that have more than one value, a missing one counted."""
        columns = self.images[list(TRAITS)]
        return {name: label for name, label in TRAITS.items() if len(columns[name].unique()) > 1}


def values_of(column: pd.Series[str]) -> tuple[pd.Series[str], list[str]]:
    """A column of text as it is counted, and its values in order.

    Ages are in their own order, else the most frequent value is first. A missing one is `missing`
    and last. Where there are many, the rare ones are `others`.
    """
    filled = column.astype("string").fillna(MISSING).astype(object)
    counts = filled[filled != MISSING].value_counts()
    order = sorted(counts.index, key=lambda value: (-counts[value], value))
    if set(order) <= set(AGE_BANDS):
        order = [band for band in AGE_BANDS if band in counts.index]
    if len(order) > _MOST_VALUES:
        order = order[: _MOST_VALUES - 1]
        filled = filled.where(filled.isin([*order, MISSING]), _OTHERS)
        order.append(_OTHERS)
    if (filled == MISSING).any():
        order.append(MISSING)
    return filled, order


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame's rows, each by column."""
    return [
        {str(column): value for column, value in row.items()} for row in frame.to_dict("records")
    ]


def percent(share: float) -> str:
    """A share as a percentage with one decimal; none is 0, and a trace is not none."""
    if 0 < share < _TRACE:
        return f"<{100 * _TRACE:.1f}{PERCENT}"
    digits = 0 if share in {0, 1} else 1
    return f"{100 * share:.{digits}f}{PERCENT}"


def title_of(diagnosis: Diagnosis) -> str:
    """A class's code and name, as `NV · Melanocytic nevus`."""
    return f"{diagnosis.code} · {diagnosis.name}"


def slug(name: str) -> str:
    """A name as a part of a file's: lower case, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _diagnoses() -> dict[str, Diagnosis]:
    """The narrowest class that there is for each label; the first task's of two equally narrow."""
    known: dict[str, Diagnosis] = {}
    classes = [diagnosis for task in TASKS.values() for diagnosis in task.classes]
    for diagnosis in sorted(classes, key=lambda one: len(one.kinds)):
        for dx in diagnosis.dx:
            known.setdefault(dx, diagnosis)
    return known
