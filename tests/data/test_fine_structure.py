from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from skin.data import fine_structure
from skin.data.fine_structure import FineStructure

COUNT = 150


@pytest.fixture(scope="module")
def thumbnails():
    """Blobs under noise of different grain; every third is one before it, changed a little."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48]
    blob = 90 * np.exp(-(((x - 24) / 10) ** 2 + ((y - 24) / 12) ** 2))
    images = []
    for number in range(COUNT):
        grain = 1 + number % 4
        noise = rng.normal(0, 25, (48 // grain, 48 // grain)).repeat(grain, 0).repeat(grain, 1)
        image = 170 - blob + noise
        if number % 3 == 2:
            image = images[-1] + rng.normal(0, number % 30, (48, 48))
        images.append(image.clip(0, 255))
    images[5] = images[6] = np.full((48, 48), 130)  # blank
    return np.array(images).astype(np.uint8)


def correlations(thumbnails: NDArray[np.uint8], pairs: NDArray[np.int64]):
    details = fine_structure._details(thumbnails)  # noqa: SLF001
    return (details[pairs[:, 0]] * details[pairs[:, 1]]).sum(axis=1)


@pytest.mark.parametrize("least", [0.2, 0.5, 0.85])
def test_no_pair_that_reaches_the_limit_is_lost(thumbnails: NDArray[np.uint8], least: float):
    pairs = np.column_stack(np.triu_indices(COUNT, 1))
    expected = correlations(thumbnails, pairs)
    kept, correlation = FineStructure(thumbnails).alike(pairs, least)
    assert len(kept) > 10
    assert np.array_equal(kept, pairs[expected >= least])
    assert correlation == pytest.approx(expected[expected >= least], abs=1e-5)


def test_few_pairs_are_looked_at_in_full(
    thumbnails: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
):
    looked = []
    real = FineStructure._correlate  # noqa: SLF001

    def count(self: FineStructure, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        looked.append(len(pairs))
        return real(self, pairs)

    monkeypatch.setattr(FineStructure, "_correlate", count)
    pairs = np.column_stack(np.triu_indices(COUNT, 1))
    FineStructure(thumbnails).alike(pairs, 0.85)
    assert sum(looked) < len(pairs) / 3


def test_blank_images_are_like_nothing(thumbnails: NDArray[np.uint8]):
    kept, _ = FineStructure(thumbnails).alike(np.array([[5, 6], [0, 5]]), 0.1)
    assert len(kept) == 0
    assert FineStructure(thumbnails).alike(np.empty((0, 2), np.int64), 0.1)[0].shape == (0, 2)


def test_a_single_image_and_none_are_no_special_case(thumbnails: NDArray[np.uint8]):
    assert len(FineStructure(thumbnails[:65]).alike(np.array([[63, 64]]), -1.0)[0]) == 1
    assert len(FineStructure(thumbnails[:0]).alike(np.empty((0, 2), np.int64), 0.0)[0]) == 0
