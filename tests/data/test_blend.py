from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from skin.data.blend import BlendedImages, Blends, extended_targets

Pixels = NDArray[np.uint8]


def blends(*each: tuple[int, int, float]) -> Blends:
    first, second, share = zip(*each, strict=True)
    return Blends(np.array(first), np.array(second), np.array(share))


def grey(level: int, height: int = 2, width: int = 3) -> Pixels:
    return np.full((height, width, 3), level, np.uint8)


def test_a_blend_is_the_weighted_mean_of_its_parents_pixels():
    """0.75 * (0, 100, 201) + 0.25 * (40, 100, 0) = (10, 100, 150.75)."""
    first = np.array([[[0, 100, 201]]], np.uint8)
    second = np.array([[[40, 100, 0]]], np.uint8)
    images = BlendedImages([first, second], 2, blends((0, 1, 0.25)))
    assert images[2].tolist() == [[[10, 100, 151]]]
    assert images[2].dtype == np.uint8


def test_real_images_pass_through():
    real = [grey(1), grey(2)]
    images = BlendedImages(real, 2, blends((0, 1, 0.5)))
    assert images[0] is real[0]
    assert images[1] is real[1]


@pytest.mark.parametrize(("share", "level"), [(0.0, 10), (1.0, 200)])
def test_the_ends_are_the_parents(share: float, level: int):
    images = BlendedImages([grey(10), grey(200)], 2, blends((0, 1, share)))
    assert (images[2] == level).all()


def test_blends_are_numbered_after_the_real_images():
    real = [grey(0), grey(100), grey(200)]
    images = BlendedImages(real, 3, blends((0, 1, 0.5), (1, 2, 0.5)))
    assert (images[3] == 50).all()
    assert (images[4] == 150).all()


@pytest.mark.parametrize("shape", [(4, 6), (1, 2), (6, 4), (2, 3)])
def test_the_second_parent_takes_the_size_of_the_first(shape: tuple[int, int]):
    images = BlendedImages([grey(0), grey(100, *shape)], 2, blends((0, 1, 0.5)))
    assert images[2].shape == (2, 3, 3)
    assert (images[2] == 50).all()


def test_a_larger_second_parent_is_averaged_not_sampled():
    second = np.zeros((2, 2, 3), np.uint8)
    second[0] = 200
    images = BlendedImages([grey(0, 1, 1), second], 2, blends((0, 1, 0.5)))
    assert images[2].tolist() == [[[50, 50, 50]]]


def test_parents_are_not_written_to():
    first, second = grey(0), grey(100)
    for parent in (first, second):
        parent.flags.writeable = False
    assert (BlendedImages([first, second], 2, blends((0, 1, 0.5)))[2] == 50).all()
    assert (first == 0).all()


def test_it_pickles_for_the_loaders_workers():
    images = BlendedImages([grey(0), grey(100)], 2, blends((0, 1, 0.5)))
    again = pickle.loads(pickle.dumps(images))  # noqa: S301 - its own
    np.testing.assert_array_equal(again[2], images[2])


def test_a_blends_class_is_that_of_its_parents():
    targets = np.array([0, 1, 1, 2])
    made = blends((1, 2, 0.3), (3, 3, 0.0))
    assert extended_targets(targets, made).tolist() == [0, 1, 1, 2, 1, 2]
    assert extended_targets(targets, Blends.none()).tolist() == [0, 1, 1, 2]


def test_blends_can_be_joined_and_chosen():
    both = blends((0, 1, 0.1)) + blends((2, 3, 0.2))
    assert len(both) == 2
    last = both[np.array([1])]
    assert (last.first.tolist(), last.second.tolist(), last.share.tolist()) == ([2], [3], [0.2])
    assert len(Blends.none()) == 0
