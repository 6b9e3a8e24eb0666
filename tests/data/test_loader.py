from __future__ import annotations

import albumentations as A  # noqa: N812 - the name its documentation uses
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from skin.config import SamplerConfig
from skin.data.augment import build_pipeline
from skin.data.loader import AugmentedImages, Batch, Draw, evaluation_loader, training_loader
from skin.data.order import TrainingOrder

SIDE = 8
TARGETS = np.array([0] * 8 + [1] * 2)


def order() -> TrainingOrder:
    """Rows are 100, 101, ..., so that they are not taken for positions."""
    return TrainingOrder(np.arange(100, 110), TARGETS, SamplerConfig(), batch_size=3, seed=0)


class Pictures:
    """Made-up images of two sizes; a module-level class, so that workers can take it along."""

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        shape = (12, 10 + row % 2, 3)
        return np.random.default_rng(row).integers(0, 256, shape, np.uint8)


@pytest.fixture
def dataset() -> AugmentedImages:
    transforms = [
        {"RandomResizedCrop": {"scale": [0.3, 1.0]}},
        {"D4": {"p": 1.0}},
        {"RandomBrightnessContrast": {"p": 0.7}},
    ]
    return AugmentedImages(Pictures(), build_pipeline(transforms, SIDE, "augment.train"), SIDE)


def load(dataset: AugmentedImages, workers: int, start: int = 0) -> list[Batch]:
    batches = order().batches(range(2), start)
    return list(training_loader(dataset, batches, workers, pin_memory=False))


def same(first: list[Batch], second: list[Batch]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(torch.equal(a.images, b.images) and torch.equal(a.rows, b.rows) for a, b in pairs)


def test_batches_are_bytes_in_channels_last_memory(dataset: AugmentedImages):
    batch = load(dataset, workers=0)[0]
    assert batch.images.shape == (3, 3, SIDE, SIDE)
    assert batch.images.dtype == torch.uint8
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.rows.tolist() == [draw.row for draw in next(order().epoch(0))]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(dataset: AugmentedImages, workers: int):
    assert same(load(dataset, workers), load(dataset, 0))


def test_a_later_start_gives_the_same_images(dataset: AugmentedImages):
    assert same(load(dataset, 0, start=2), load(dataset, 0)[2:])


def test_an_image_drawn_twice_is_seen_in_two_ways(dataset: AugmentedImages):
    batch = dataset.__getitems__([Draw(0, (0, 0, 0)), Draw(0, (0, 0, 1)), Draw(0, (0, 0, 0))])
    assert torch.equal(batch.images[0], batch.images[2])
    assert not torch.equal(batch.images[0], batch.images[1])


@pytest.mark.parametrize("workers", [0, 1])
def test_evaluation_takes_each_row_once_in_order(workers: int):
    centre = A.Compose([A.CenterCrop(SIDE, SIDE)])
    dataset = AugmentedImages(Pictures(), centre, SIDE)
    rows = [5, 3, 9, 4, 0]
    batches = list(evaluation_loader(dataset, rows, 2, workers, pin_memory=False))
    assert [batch.rows.tolist() for batch in batches] == [[5, 3], [9, 4], [0]]
    expected = Pictures()[9][2:10, 1:9].transpose(2, 0, 1)
    np.testing.assert_array_equal(batches[1].images[0].numpy(), expected)
