from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from skin.data.balance.features import COMPONENTS, FeatureSpace, lab_thumbnail
from skin.data.blend import Blends


def grey(level: int) -> NDArray[np.uint8]:
    return np.full((20, 24, 3), level, np.uint8)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # CIELAB of the sRGB primaries and of black and white, D65
        ((0, 0, 0), (0, 0, 0)),
        ((255, 255, 255), (100, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_thumbnails_are_in_cielab(rgb: tuple[int, ...], lab: tuple[float, ...]):
    pixels = np.broadcast_to(np.array(rgb, np.uint8), (40, 30, 3))
    thumbnail = lab_thumbnail(np.ascontiguousarray(pixels))
    assert thumbnail.shape == (16, 16, 3)
    np.testing.assert_allclose(thumbnail, np.broadcast_to(lab, (16, 16, 3)), atol=0.3)


def test_distances_are_those_between_thumbnails():
    """With fewer images than components, nothing is lost."""
    images = [np.random.default_rng(i).integers(0, 256, (20, 24, 3), np.uint8) for i in range(5)]
    features = FeatureSpace(np.arange(5), images).real(np.arange(5))
    thumbnails = [lab_thumbnail(image).reshape(-1) for image in images]
    for i in range(5):
        for j in range(5):
            expected = np.linalg.norm(thumbnails[i] - thumbnails[j])
            assert np.linalg.norm(features[i] - features[j]) == pytest.approx(expected, abs=1e-3)


def test_features_follow_the_rows_asked_for():
    images = {3: grey(30), 7: grey(70), 9: grey(200)}
    space = FeatureSpace(np.array([9, 3, 7, 3]), images)
    there = space.real(np.array([3, 9, 3]))
    np.testing.assert_array_equal(there[0], there[2])
    assert np.linalg.norm(there[0] - there[1]) > 100


def test_a_blends_features_are_interpolated():
    space = FeatureSpace(np.arange(3), [grey(0), grey(90), grey(200)])
    a, b = space.real(np.array([0, 2]))
    blends = Blends(np.array([0]), np.array([2]), np.array([0.25]))
    np.testing.assert_allclose(space.blended(blends), [0.75 * a + 0.25 * b])


def test_there_are_at_most_64_components():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (80, 16, 16, 3), np.uint8)
    assert FeatureSpace(np.arange(80), images).real(np.arange(80)).shape == (80, COMPONENTS)


def test_nothing_is_read_before_features_are_asked_for_and_then_once():
    read: list[int] = []

    class Counted:
        def __getitem__(self, row: int) -> NDArray[np.uint8]:
            read.append(row)
            return grey(row)

    space = FeatureSpace(np.array([4, 2, 4]), Counted())
    assert read == []
    space.real(np.array([2]))
    space.real(np.array([4]))
    assert read == [2, 4]


def test_memory_does_not_grow_with_the_images_size():
    """2,000 images of 224 pixels are 301 MB; their thumbnails 12 MB."""

    class Noise:
        def __getitem__(self, row: int) -> NDArray[np.uint8]:
            pixels = np.full((224, 224, 3), row % 256, np.uint8)
            pixels[: row % 224] = 255 - row % 200
            return pixels

    tracemalloc.start()
    try:
        FeatureSpace(np.arange(2000), Noise()).real(np.arange(2000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60e6
