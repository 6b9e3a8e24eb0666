from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from skin.analysis.report.browser import pictures
from skin.analysis.report.browser.pictures import SIDES, Thumbnails, make_thumbnails
from skin.data.dataset import find_dataset
from skin.errors import SkinError


@pytest.fixture
def dataset(toy_data):
    return find_dataset(toy_data, "toy")


@pytest.fixture
def large(dataset, monkeypatch):
    """The data set as if its cache were of 200 pixels, 4:3, and noisy, so that sizes differ."""
    noise = np.random.default_rng(0).integers(256, size=(200, 266, 3), dtype=np.uint8)
    monkeypatch.setattr(pictures, "fitting_cache", lambda _: [noise] * len(dataset))
    return dataset


def decoded(picture) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    assert image.format == "WEBP"
    return image.convert("RGB")


def test_thumbnails_are_of_the_rows_in_their_order(dataset):
    rows = np.array([5, 0, 11])

    made = make_thumbnails(dataset, rows, np.zeros(3, np.int64))

    cache = dataset.open_cache(40)
    for picture, row in zip(made.data, rows, strict=True):
        image = np.asarray(decoded(picture)).astype(float)
        assert image.shape == cache[row].shape  # never enlarged
        assert np.abs(image - cache[row]).mean() < 8
        assert np.abs(image - cache[row][..., ::-1]).mean() > 8  # red is red
    assert made.data == make_thumbnails(dataset, rows, np.zeros(3, np.int64)).data


def test_the_side_is_the_largest_that_fits(large):
    rows = np.arange(20)
    size = {
        side: 20 * len(pictures.encode(pictures.fitting_cache(large)[0], side)) for side in SIDES
    }

    for side in SIDES:
        made = make_thumbnails(large, rows, np.zeros(20, np.int64), budget=int(1.1 * size[side]))
        assert made.side == side
        assert made.kept == 20
        assert min(decoded(made.data[0]).size) == side
    assert decoded(made.data[0]).size == (64, 48)  # the aspect stays


def test_what_does_not_fit_is_left_out_by_priority(large):
    rows = np.arange(6)
    each = len(pictures.encode(pictures.fitting_cache(large)[0], SIDES[-1])) + 3

    made = make_thumbnails(large, rows, np.array([2, 1, 0, 2, 1, 0]), budget=3 * each)

    assert [one is not None for one in made.data] == [False, True, True, False, False, True]
    assert made.kept == 3
    assert made.to_json().startswith("[null,")
    assert make_thumbnails(large, rows, np.zeros(6, np.int64), budget=each - 1).kept == 0


def test_takes_the_smallest_cache_that_needs_no_enlarging(dataset, monkeypatch):
    opened = []
    monkeypatch.setattr(type(dataset), "open_cache", lambda _, side: opened.append(side))
    for sides in ((64, 128, 256), (64, 96), (512,)):
        monkeypatch.setattr(type(dataset), "short_sides", sides)
        pictures.fitting_cache(dataset)

    assert opened == [128, 96, 512]


def test_no_cache(dataset, monkeypatch):
    monkeypatch.setattr(type(dataset), "short_sides", ())

    with pytest.raises(SkinError, match="dataset 'toy' has no cached images"):
        make_thumbnails(dataset, np.arange(2), np.zeros(2, np.int64))


def test_json_of_thumbnails():
    assert Thumbnails(48, ("a", None)).to_json() == '["a",null]'
