from __future__ import annotations

import numpy as np
import pytest

from skin.data.thumbnails import SIDE, thumbnail


def test_each_pixel_is_the_mean_of_its_area():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (2 * SIDE, 4 * SIDE), np.uint8)
    mean = grey.reshape(SIDE, 2, SIDE, 4).mean(axis=(1, 3))
    assert np.abs(thumbnail(np.dstack([grey] * 3)) - mean).max() <= 1


@pytest.mark.parametrize("shape", [(16, 16), (48, 48), (30, 400), (301, 200)])
def test_any_shape_becomes_one_square(shape: tuple[int, int]):
    small = thumbnail(np.full((*shape, 3), 90, np.uint8))
    assert small.shape == (SIDE, SIDE)
    assert small.dtype == np.uint8
    assert (small == 90).all()
