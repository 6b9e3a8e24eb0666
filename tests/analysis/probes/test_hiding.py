from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.analysis.probes.hiding import CONDITIONS, skin_colour, usable

SKIN = np.array([1, 2, 3], np.uint8)  # a colour that no image has
BACKGROUND = [name for name, condition in CONDITIONS.items() if condition.background]


def photograph(side: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Skin of many shades, on it a lesion of 10 x 20 pixels that is pure blue."""
    image = np.random.default_rng(0).integers(150, 200, (side, side, 3), np.uint8)
    mask = np.zeros((side, side), bool)
    mask[20:30, 15:35] = True
    image[mask] = (0, 0, 255)
    return image, mask


def apply(name: str, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return CONDITIONS[name].apply(image, mask, SKIN)


def test_there_is_the_whole_the_lesion_and_the_background():
    assert list(CONDITIONS)[:2] == ["whole", "lesion"]
    assert BACKGROUND == ["background", "box", "rim"]


@pytest.mark.parametrize("name", list(CONDITIONS))
def test_shape_and_type_stay_and_the_image_is_left_alone(name):
    image, mask = photograph()
    before = image.copy()
    changed = apply(name, image, mask)
    assert (changed.shape, changed.dtype) == (image.shape, np.uint8)
    assert (image == before).all()
    assert (changed == image).all() == (name == "whole")


def test_only_the_lesion_is_left_on_a_colour_that_is_no_images_own():
    image, mask = photograph()
    changed = apply("lesion", image, mask)
    assert (changed[mask] == image[mask]).all()
    assert (changed[~mask] == SKIN).all()


@pytest.mark.parametrize("name", BACKGROUND)
def test_nothing_of_the_lesion_is_left(name):
    """Whatever the lesion looks like, the image without it is the same."""
    image, mask = photograph()
    other = image.copy()
    other[mask] = (255, 0, 0)
    assert (apply(name, image, mask) == apply(name, other, mask)).all()
    assert (apply(name, image, mask)[mask] != (0, 0, 255)).any(axis=-1).all()


@pytest.mark.parametrize("name", BACKGROUND)
def test_a_border_that_the_mask_misses_is_hidden(name):
    image, mask = photograph()
    image[18:20, 15:35] = (0, 0, 255)  # two pixels, 4 % of the side
    assert not (apply(name, image, mask) == (0, 0, 255)).all(axis=-1).any()


def test_the_box_hides_the_shape():
    image, _ = photograph()
    row = np.arange(50)
    disc = np.hypot(row[:, None] - 25, row - 25) <= 8
    square = np.zeros_like(disc)
    square[17:34, 17:34] = True
    hidden = [(apply("box", image, mask) != image).any(axis=-1) for mask in (disc, square)]
    rows = [np.flatnonzero(each.any(axis=1)) for each in hidden]
    assert rows[0].tolist() == rows[1].tolist() == list(range(15, 36))


def test_the_rim_hides_the_size():
    image, small = photograph()
    large = small.copy()
    large[10:40, 10:40] = True
    for mask in (small, large):
        hidden = (apply("rim", image, mask) != image).any(axis=-1).mean()
        assert 0.65 < hidden < 0.75  # some skin has the fill's colour by chance


@given(st.integers(0, 49), st.integers(0, 49), st.integers(1, 30), st.integers(1, 30))
def test_a_lesion_anywhere_can_be_hidden(top, left, height, width):
    image, _ = photograph()
    mask = np.zeros((50, 50), bool)
    mask[top : top + height, left : left + width] = True
    assert usable(mask)
    for name in BACKGROUND:
        assert apply(name, image, mask).shape == image.shape


def test_skin_is_the_median_around_the_lesion():
    image, mask = photograph()
    image[~mask] = 170
    image[0, ::2] = 0  # a hair
    assert skin_colour(image, mask).tolist() == [170, 170, 170]


@pytest.mark.parametrize(("covered", "known"), [(0, False), (10, True), (45, True), (50, False)])
def test_an_image_needs_a_lesion_and_some_skin(covered, known):
    mask = np.zeros((50, 50), bool)
    mask[:covered] = True
    assert usable(mask) == known
