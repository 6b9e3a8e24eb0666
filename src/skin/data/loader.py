"""From the decoded cache to augmented batches: what an epoch draws, and how it is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import albumentations as A  # noqa: N812 - the name its documentation uses
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, WeightedRandomSampler

from skin.config import SamplerConfig
from skin.randomness import ORDER, image_generators, torch_generator


class Images(Protocol):
    """Decoded images by row: the cache, or anything that gives uint8 (H, W, 3) arrays."""

    def __getitem__(self, row: int) -> NDArray[np.uint8]: ...


class Draw(NamedTuple):
    """One image of a batch, and the key of its augmentation."""

    row: int
    key: tuple[int, ...]


class Batch(NamedTuple):
    """Images (B, 3, S, S) uint8 in channels-last memory, and their rows (B,)."""

    images: Tensor
    rows: Tensor


@dataclass(frozen=True)
class AugmentedImages(Dataset[Batch]):
    """Images through a pipeline, a whole batch at a time.

    Attributes:
        images: by row.
        pipeline: of the classes that have none of their own.
        image_size: what it makes, square.
        by_class: class index -> its own pipeline.
        classes: each row's class index; needed where classes have their own.
    """

    images: Images
    pipeline: A.Compose
    image_size: int
    by_class: Mapping[int, A.Compose] = field(default_factory=dict)
    classes: NDArray[np.int64] | None = None

    def __getitems__(self, draws: Sequence[Draw]) -> Batch:
        """Load and augment the drawn images."""
        side = self.image_size
        # Height, width, channel in memory is what channels-last means: no copy is needed later.
        batch = np.empty((len(draws), side, side, 3), np.uint8)
        for i, draw in enumerate(draws):
            pipeline = self._pipeline_of(draw.row)
            pipeline.set_random_state(*image_generators(*draw.key))
            batch[i] = pipeline(image=self.images[draw.row])["image"]
        rows = torch.tensor([draw.row for draw in draws])
        return Batch(torch.from_numpy(batch).permute(0, 3, 1, 2), rows)

    def _pipeline_of(self, row: int) -> A.Compose:
        if self.classes is None:
            return self.pipeline
        return self.by_class.get(int(self.classes[row]), self.pipeline)


@dataclass(frozen=True)
class TrainingOrder:
    """The batches of a whole training, epoch after epoch.

    An epoch's order depends on (seed, epoch) alone, and an image's augmentation on (seed, epoch,
    place in the epoch), so any epoch and any batch of it can be the first.

    Attributes:
        rows: the training part's rows in the table.
        targets: their class indices, aligned with `rows`.
        sampler: how an epoch is drawn.
        batch_size: images a batch.
        seed: of the fold.
    """

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    sampler: SamplerConfig
    batch_size: int
    seed: int

    @property
    def epoch_images(self) -> int:
        """How many images an epoch draws."""
        return self.sampler.epoch_images or len(self.rows)

    @property
    def batches_per_epoch(self) -> int:
        """Full batches only, as each epoch draws anew; at least one."""
        return max(1, self.epoch_images // self.batch_size)

    @property
    def images_per_epoch(self) -> int:
        """How many images those batches hold."""
        return min(self.epoch_images, self.batches_per_epoch * self.batch_size)

    def class_distribution(self, classes: int) -> NDArray[np.float64]:
        """The classes' shares (C,) among the images that an epoch is expected to draw."""
        counts = np.bincount(self.targets, minlength=classes).astype(np.float64)
        power = self.sampler.power if self.sampler.kind == "weighted" else 0.0
        drawn: NDArray[np.float64] = np.where(counts > 0, counts ** (1 - power), 0)
        shares: NDArray[np.float64] = drawn / drawn.sum()
        return shares

    def epoch(self, epoch: int) -> Iterator[list[Draw]]:
        """Yield the batches of one epoch."""
        generator = torch_generator(ORDER, self.seed, epoch)
        picker: WeightedRandomSampler | RandomSampler
        if self.sampler.kind == "weighted":
            counts = np.bincount(self.targets)
            weights = counts[self.targets] ** -float(self.sampler.power)
            picker = WeightedRandomSampler(
                weights.tolist(), self.epoch_images, replacement=True, generator=generator
            )
        else:
            picker = RandomSampler(
                self.targets.tolist(), num_samples=self.epoch_images, generator=generator
            )
        draws = [
            Draw(int(self.rows[position]), (self.seed, epoch, place))
            for place, position in enumerate(picker)
        ]
        batches = BatchSampler(draws, self.batch_size, drop_last=len(draws) >= self.batch_size)  # type: ignore[arg-type]
        yield from batches  # type: ignore[misc]

    def batches(self, epochs: range, first_batch: int = 0) -> Iterator[list[Draw]]:
        """Yield the batches of `epochs`, leaving out the first ones of the first epoch."""
        for epoch in epochs:
            skipped = first_batch if epoch == epochs.start else 0
            for i, batch in enumerate(self.epoch(epoch)):
                if i >= skipped:
                    yield batch


def training_loader(
    dataset: AugmentedImages,
    batches: Iterator[list[Draw]],
    workers: int,
    *,
    pin_memory: bool,
) -> Iterator[Batch]:
    """Load the batches in worker processes, ahead of the loop.

    One iterator serves all epochs, so that the workers fill the queue while the loop validates.

    Args:
        dataset: where the images come from.
        batches: what to load.
        workers: loader processes; 0 loads in this one.
        pin_memory: page-locked memory, for copies to a GPU that overlap with its work.
    """
    loader = DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=as_is,
        pin_memory=pin_memory,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_single_threaded,
    )
    return iter(loader)


def evaluation_loader(
    dataset: AugmentedImages,
    rows: Sequence[int] | NDArray[np.int64],
    batch_size: int,
    workers: int,
    *,
    pin_memory: bool,
) -> DataLoader[Batch]:
    """Load the given rows in their order, each once."""
    draws = [Draw(int(row), (0, int(row))) for row in rows]
    batches = [draws[i : i + batch_size] for i in range(0, len(draws), batch_size)]
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=as_is,
        pin_memory=pin_memory,
        worker_init_fn=_single_threaded,
    )


def as_is(batch: Any) -> Any:  # noqa: ANN401 - whatever the dataset made
    """Collate nothing: the dataset makes whole batches."""
    return batch


def _single_threaded(_worker: int) -> None:
    """One thread a worker: the processes are the parallelism."""
    cv2.setNumThreads(0)
