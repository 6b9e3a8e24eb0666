"""Photographs that show readers what a probe did to images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from skin.analysis.blocks import Photo, Strip
from skin.analysis.probes.hiding import CONDITIONS
from skin.analysis.probes.severities import CORRUPTIONS
from skin.data.dataset import Dataset

_SIDE = 144  # pixels of a photograph


def example(
    dataset: Dataset, images: pd.DataFrame, codes: Sequence[str]
) -> tuple[str, NDArray[np.uint8]]:
    """Choose an image that shows what corruptions do: the first of a class.

    Args:
        dataset: where the images are.
        images: `image_id` and `target`, a class code, of those that may be chosen.
        codes: the classes; the first one that has images is taken.

    Returns:
        Its id, and the square in its middle, (S, S, 3).
    """
    code = next(code for code in codes if (images["target"] == code).any())
    image_id = str(images.loc[images["target"] == code, "image_id"].iloc[0])
    row = int(np.flatnonzero(dataset.table["image_id"] == image_id)[0])
    pixels = dataset.open_cache(dataset.short_sides[-1])[row]
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[top : top + side, left : left + side]
    scaled = cv2.resize(square, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return image_id, np.asarray(scaled, np.uint8)


def severity_strips(
    image_id: str, pixels: NDArray[np.uint8], severities: Sequence[int], seed: int
) -> list[Strip]:
    """One image as it is, then at some severities of the corruptions, two of these a strip."""
    from skin.analysis.probes.corruptions import corrupt  # noqa: PLC0415 - it loads torch

    def photo(name: str, severity: int) -> Photo:
        title = CORRUPTIONS[name].title
        lines = (f"{title} {severity}", CORRUPTIONS[name].say(severity))
        alt = f"{image_id}, {title.lower()} of severity {severity}: {lines[1]}"
        return Photo(_webp(corrupt(name, severity, pixels, image_id, seed)), alt, lines)

    names = list(CORRUPTIONS)
    clean = Photo(_webp(pixels), f"{image_id} as it is", ("As it is",))
    return [
        Strip("", [clean]),
        *(
            Strip("", [photo(name, level) for name in names[i : i + 2] for level in severities])
            for i in range(0, len(names), 2)
        ),
    ]


def condition_strips(path: Path, examples: dict[str, str]) -> list[Strip]:
    """The images that the background probe drew: a strip an image, a photograph a condition.

    Args:
        path: its picture; a row an image, a column a condition.
        examples: image id -> class code, of the rows.
    """
    with Image.open(path) as drawn:
        grid = np.asarray(drawn.convert("RGB"))
    strips = []
    for strip, (image_id, code) in zip(
        np.split(grid, len(examples)), examples.items(), strict=True
    ):
        photos = [
            Photo(
                _webp(pixels), f"{image_id}, {code}: {condition.title.lower()}", (condition.title,)
            )
            for pixels, condition in zip(
                np.split(strip, len(CONDITIONS), axis=1), CONDITIONS.values(), strict=True
            )
        ]
        strips.append(Strip(code, photos, note=image_id))
    return strips


def _webp(pixels: NDArray[np.uint8]) -> bytes:
    from skin.analysis.photos import thumbnail  # noqa: PLC0415 - as above

    return thumbnail(pixels, _SIDE)
