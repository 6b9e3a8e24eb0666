"""From the decoded cache to augmented batches."""

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
from torch.utils.data import DataLoader, Dataset

from skin.randomness import image_generators


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
