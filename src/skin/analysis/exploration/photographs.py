"""A dataset's images as small photographs on a page."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from skin.analysis.blocks import Photo, Tone
from skin.analysis.exploration.cohort import Cohort
from skin.data.images import resize
from skin.errors import SkinError

_SIDE = 160  # pixels of the short side; the page sets six in a row
_QUALITY = 78


def photo(
    cohort: Cohort,
    row: int,
    lines: Sequence[str] = (),
    *,
    tone: Tone = "plain",
) -> Photo:
    """Show the image of a row of the dataset's table, in words for those who do not see it."""
    if cohort.cache is None:
        raise SkinError(no_cache(cohort))
    image = Image.fromarray(cohort.cache[row])
    name = str(cohort.images["image_id"].iloc[row])
    if min(image.size) > _SIDE:
        image = resize(image, _SIDE, name)
    content = io.BytesIO()
    image.save(content, "WEBP", quality=_QUALITY, method=6)
    return Photo(content.getvalue(), describe(cohort, row), lines, tone)


def describe(cohort: Cohort, row: int) -> str:
    """An image in words: id, class, and what is known of site, age and sex."""
    image = cohort.images.iloc[row]
    names = {one.code: one.name for one in cohort.classes}
    known = [str(image[column]) for column in ("site", "sex") if isinstance(image[column], str)]
    if not np.isnan(image["age"]):
        known.append(f"{image['age']:g} years")
    return ", ".join([f"{image['image_id']}: {names[image['class']]}", *known])


def no_cache(cohort: Cohort) -> str:
    """What to do where no images are cached."""
    source = cohort.dataset.info.source
    return (
        f"No images of '{cohort.dataset.name}' are cached, so that pictures can be neither "
        f"measured nor shown: run skin data add {source.reader} on {source.path} again."
    )


def draw_order(seed: int, names: Sequence[str]) -> list[int]:
    """Places of names in a random order that depends on each name and the seed alone."""
    keys = [hashlib.sha256(f"{seed} {name}".encode()).digest() for name in names]
    return sorted(range(len(keys)), key=keys.__getitem__)
