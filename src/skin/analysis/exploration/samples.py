"""A sample sheet: what the images of each class look like."""

from __future__ import annotations

import numpy as np

from skin.analysis.blocks import Gallery, Section, Strip, Words
from skin.analysis.exploration.cohort import Cohort, title_of
from skin.analysis.exploration.photographs import draw_order, no_cache, photo
from skin.analysis.metrics import IntArray
from skin.analysis.text import plural

_PHOTOS = 6  # of a class


def section(cohort: Cohort) -> Section:
    """Random images of each class, each of another lesion."""
    if cohort.cache is None:
        return Section("samples", "Samples", [Words(no_cache(cohort), warning=True)])
    lesions = cohort.images.groupby("class")["lesion_id"].nunique()
    strips = []
    for diagnosis in cohort.classes:
        rows = sample(cohort, diagnosis.code, _PHOTOS)
        shown = [photo(cohort, int(row), [cohort.images["image_id"].iloc[row]]) for row in rows]
        of = plural(int(lesions[diagnosis.code]), "lesion")
        strips.append(Strip(title_of(diagnosis), shown, note=f"{len(shown)} of {of}"))
    gallery = Gallery(
        name="samples",
        title="",
        strips=strips,
        caption=f"Drawn at random, seed {cohort.seed}, one image a lesion.",
    )
    return Section("samples", "Samples", [gallery])


def sample(cohort: Cohort, code: str, most: int) -> IntArray:
    """Rows of up to `most` random images of a class, each of another lesion.

    Each image's turn depends on its id and the seed alone: another image in the dataset moves
    no other.
    """
    rows = np.flatnonzero(cohort.images["class"] == code)
    images = cohort.images.iloc[rows]
    turn = draw_order(cohort.seed, images["image_id"].tolist())
    first = ~images["lesion_id"].iloc[turn].duplicated().to_numpy()
    return np.asarray(rows[turn][first][:most], np.int64)
