from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import albumentations as A  # noqa: N812 - the name its documentation uses
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skin.config import SamplerConfig
from skin.data.augment import build_pipeline
from skin.data.loader import (
    AugmentedImages,
    Batch,
    Draw,
    TrainingOrder,
    evaluation_loader,
    training_loader,
)

SHUFFLE = SamplerConfig()
TARGETS = [0] * 8 + [1] * 2
SIDE = 8


def order(
    sampler: SamplerConfig = SHUFFLE,
    targets: list[int] = TARGETS,
    batch_size: int = 3,
    seed: int = 0,
) -> TrainingOrder:
    """Rows are 100, 101, ..., so that they are not taken for positions."""
    rows = np.arange(100, 100 + len(targets))
    return TrainingOrder(rows, np.array(targets), sampler, batch_size, seed)


def rows_of(batches: Iterator[list[Draw]]) -> list[int]:
    return [draw.row for batch in batches for draw in batch]


def test_a_shuffled_epoch_holds_no_row_twice():
    rows = rows_of(order().epoch(0))
    assert len(rows) == len(set(rows)) == 9, "three full batches of the ten"
    assert set(rows) <= set(range(100, 110))


def test_each_epoch_and_each_seed_draws_anew():
    epochs = [(0, 0), (0, 1), (1, 0)]
    drawn = [tuple(rows_of(order(seed=seed).epoch(epoch))) for seed, epoch in epochs]
    assert len(set(drawn)) == 3
    assert drawn == [tuple(rows_of(order(seed=seed).epoch(epoch))) for seed, epoch in epochs]


def test_an_augmentation_key_is_seed_epoch_and_place():
    draws = [draw for batch in order(seed=7).epoch(4) for draw in batch]
    assert [draw.key for draw in draws] == [(7, 4, place) for place in range(9)]


@pytest.mark.parametrize(
    ("images", "batch_size", "epoch_images", "sizes"),
    [
        (10, 3, None, [3, 3, 3]),
        (10, 5, None, [5, 5]),
        (10, 10, None, [10]),
        (10, 16, None, [10]),
        (10, 4, 8, [4, 4]),
        (10, 4, 25, [4] * 6),
    ],
)
@pytest.mark.parametrize("kind", ["shuffle", "weighted"])
def test_the_batches_of_an_epoch(
    images: int, batch_size: int, epoch_images: int | None, sizes: list[int], kind: str
):
    sampler = SamplerConfig.model_validate({"kind": kind, "epoch_images": epoch_images})
    chosen = order(sampler, [0] * images, batch_size)
    assert [len(batch) for batch in chosen.epoch(0)] == sizes
    assert chosen.batches_per_epoch == len(sizes)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["shuffle", "weighted"]),
    images=st.integers(1, 12),
    batch_size=st.integers(1, 5),
    start=st.data(),
)
def test_any_start_gives_the_tail_of_the_whole(
    kind: str, images: int, batch_size: int, start: st.DataObject
):
    sampler = SamplerConfig.model_validate({"kind": kind})
    chosen = order(sampler, [i % 3 for i in range(images)], batch_size)
    whole = list(chosen.batches(range(3)))
    steps = chosen.batches_per_epoch
    assert len(whole) == 3 * steps
    epoch = start.draw(st.integers(0, 2))
    batch = start.draw(st.integers(0, steps - 1))
    assert list(chosen.batches(range(epoch, 3), batch)) == whole[epoch * steps + batch :]


@pytest.mark.parametrize(
    ("kind", "power", "targets", "expected"),
    [
        ("shuffle", 1.0, [0, 0, 0, 1], [3 / 4, 1 / 4, 0]),
        ("weighted", 0.0, [0, 0, 0, 1], [3 / 4, 1 / 4, 0]),
        ("weighted", 1.0, [0, 0, 0, 1], [1 / 2, 1 / 2, 0]),
        ("weighted", 0.5, [0, 0, 0, 0, 1], [2 / 3, 1 / 3, 0]),
        ("weighted", 0.5, [0] * 4 + [1] + [2] * 9, [2 / 6, 1 / 6, 3 / 6]),
    ],
)
def test_the_classes_shares_by_hand(
    kind: str, power: float, targets: list[int], expected: list[float]
):
    sampler = SamplerConfig.model_validate({"kind": kind, "power": power})
    assert order(sampler, targets).class_distribution(3) == pytest.approx(expected)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_what_is_drawn_has_the_shares_that_are_told(power: float):
    sampler = SamplerConfig(kind="weighted", power=power, epoch_images=4000)
    targets = [0] * 16 + [1] * 4 + [2]
    chosen = order(sampler, targets, batch_size=100)
    counts = Counter(targets[row - 100] for row in rows_of(chosen.epoch(0)))
    drawn = np.array([counts[i] for i in range(3)]) / 4000
    # Four standard deviations of a share of 4000 draws are at most 0.032.
    np.testing.assert_allclose(drawn, chosen.class_distribution(3), atol=0.032)


def test_the_images_of_one_class_are_drawn_alike():
    sampler = SamplerConfig(kind="weighted", epoch_images=4000)
    counts = Counter(rows_of(order(sampler, [0, 0, 1], batch_size=1000).epoch(0)))
    assert [counts[row] / 4000 for row in (100, 101, 102)] == pytest.approx(
        [0.25, 0.25, 0.5], abs=0.032
    )


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
