from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from skin.data.dataset import Dataset
from skin.data.duplicates import near_duplicates

ORIGINAL = "HAM10000_images_part_1/ISIC_0000000.jpg"
COPY = "HAM10000_images_part_2/ISIC_0000017.jpg"  # of another lesion


def photograph(seed: int):
    """A dark blob on skin, as all are, with hairs and dots of its own."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:120, :160]
    blob = np.exp(-(((x - 80) / 35) ** 2 + ((y - 60) / 30) ** 2))
    grey = 210 - 140 * blob
    for _ in range(60):
        row, column = rng.integers(8, 112), rng.integers(8, 152)
        grey[row - 2 : row + 2, column - 4 : column + 4] -= 45
    pixels = grey[..., None] * [1.0, 0.85, 0.8]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def jpeg(image: Image.Image, quality: int = 90):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.fixture
def photographs(files: dict[str, bytes]):
    return {
        name: data if name.endswith("csv") else jpeg(photograph(number))
        for number, (name, data) in enumerate(files.items())
    }


def pairs(dataset: Dataset):
    ids = dataset.table["image_id"]
    found = near_duplicates(dataset)
    return {(ids[a], ids[b]) for a, b in zip(found["first"], found["second"], strict=True)}


def test_similar_lesions_are_no_duplicates(
    photographs: dict[str, bytes], make_zip: Callable[..., Path], add: Callable[..., Dataset]
):
    assert pairs(add(make_zip(photographs), short_side=120)) == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: ImageEnhance.Brightness(image).enhance(1.15),
        lambda image: ImageEnhance.Color(image).enhance(0.3),
        lambda image: image.resize((320, 240), Image.Resampling.BICUBIC),
        lambda image: image.crop((1, 1, 159, 119)),
    ],
    ids=["compressed", "brighter", "paler", "larger", "cropped"],
)
def test_copies_of_a_photograph_are_found(
    photographs: dict[str, bytes],
    make_zip: Callable[..., Path],
    add: Callable[..., Dataset],
    change: Callable[[Image.Image], Image.Image],
):
    original = Image.open(io.BytesIO(photographs[ORIGINAL]))
    photographs[COPY] = jpeg(change(original), quality=60)
    assert pairs(add(make_zip(photographs), short_side=120)) == {("ISIC_0000000", "ISIC_0000017")}


def test_identical_files_are_duplicates_even_when_blank(
    photographs: dict[str, bytes], make_zip: Callable[..., Path], add: Callable[..., Dataset]
):
    photographs[ORIGINAL] = photographs[COPY] = jpeg(Image.new("RGB", (160, 120), "pink"))
    assert pairs(add(make_zip(photographs), short_side=24)) == {("ISIC_0000000", "ISIC_0000017")}


def test_pairs_are_ordered_and_measured(
    photographs: dict[str, bytes], make_zip: Callable[..., Path], add: Callable[..., Dataset]
):
    photographs[COPY] = photographs[ORIGINAL]
    found = near_duplicates(add(make_zip(photographs)))
    assert found.to_dict("records") == [
        {"first": 0, "second": 17, "distance": 0, "correlation": 1.0}
    ]
