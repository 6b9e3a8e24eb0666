"""What each epoch draws: which images, in which order, in which batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from skin.config import SamplerConfig
from skin.data.loader import Draw
from skin.randomness import ORDER, torch_generator

_PASS = 1  # beside a pass's number in its key, so that it is no epoch's


@dataclass(frozen=True)
class TrainingOrder:
    """The batches of a whole training, epoch after epoch.

    An epoch's order depends on (seed, epoch) alone, and an image's augmentation on (seed, epoch,
    place in the epoch), so any epoch and any batch of it can be the first.

    Three samplers say what an epoch draws. With `n_c` for the images of class c, or the sum of
    their weights where there are weights:

    - `shuffle`: each image once; with weights, images in proportion to theirs.
    - `weighted`: class c in proportion to `n_c^(1 - power)`, and its images alike, or in
      proportion to their weights.
    - `undersample`: each image of the smallest class once, and `ratio` times as many of all
      others, which are gone through before any of them comes again; with weights, as many of
      both, in proportion to them.

    Where there are weights, images are drawn with replacement.

    Batches are full: what an epoch draws beyond its last full batch is not shown. Other samplers
    draw it anew; `undersample` counts it as gone through, so that up to `batch_size - 1` images an
    epoch wait for the next pass.

    Attributes:
        rows: the training part's rows in the table.
        targets: their class indices, aligned with `rows`.
        sampler: how an epoch is drawn.
        batch_size: images a batch.
        seed: of the fold.
        weights: how often each image is drawn, relative to others, aligned with `rows`; some
            image of each class has one above zero. None: all alike.
    """

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    sampler: SamplerConfig
    batch_size: int
    seed: int
    weights: NDArray[np.float64] | None = None

    @cached_property
    def epoch_images(self) -> int:
        """How many images an epoch draws."""
        if self.sampler.kind == "undersample":
            return sum(self._undersampled)
        return self.sampler.epoch_images or int(self._drawable.sum())

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
        counts = self._class_weights(classes)
        if self.sampler.kind == "undersample":
            of_smallest, of_rest = self._undersampled
            rest = np.where(np.arange(classes) == self._smallest, 0, counts)
            drawn = of_rest * rest / max(rest.sum(), 1)
            drawn[self._smallest] = of_smallest
        else:
            power = self.sampler.power if self.sampler.kind == "weighted" else 0.0
            drawn = np.where(counts > 0, counts ** (1 - power), 0)
        shares: NDArray[np.float64] = drawn / drawn.sum()
        return shares

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[list[Draw]]:
        """Yield the batches of one epoch, leaving out the first ones."""
        rows = self.rows[self._places(epoch)]
        for batch in range(first_batch, self.batches_per_epoch):
            first = batch * self.batch_size
            chosen = rows[first : first + self.batch_size].tolist()
            yield [Draw(row, (self.seed, epoch, first + i)) for i, row in enumerate(chosen)]

    def batches(self, epochs: range, first_batch: int = 0) -> Iterator[list[Draw]]:
        """Yield the batches of `epochs`, leaving out the first ones of the first epoch."""
        for epoch in epochs:
            yield from self.epoch(epoch, first_batch if epoch == epochs.start else 0)

    def _places(self, epoch: int) -> NDArray[np.int64]:
        """What an epoch draws, as places in `rows`, in its order."""
        generator = torch_generator(ORDER, self.seed, epoch)
        size = self.epoch_images
        if self.sampler.kind == "undersample":
            return self._undersample(epoch, generator)
        if self.sampler.kind == "weighted" or self.weights is not None:
            power = self.sampler.power if self.sampler.kind == "weighted" else 0.0
            weights = self._class_weights()[self.targets] ** -float(power)
            return _draw(weights * self._image_weights, size, generator)
        count = len(self.rows)
        rounds = [torch.randperm(count, generator=generator) for _ in range(-(-size // count))]
        return torch.cat(rounds)[:size].numpy()

    def _undersample(self, epoch: int, generator: torch.Generator) -> NDArray[np.int64]:
        is_smallest = self._drawable & (self.targets == self._smallest)
        smallest = np.flatnonzero(is_smallest)
        rest = np.flatnonzero(self._drawable & ~is_smallest)
        of_smallest, of_rest = self._undersampled
        if self.weights is None:
            drawn = rest[_next_places(len(rest), of_rest, self.seed, epoch)]
        else:
            smallest = smallest[_draw(self.weights[smallest], of_smallest, generator)]
            drawn = rest[_draw(self.weights[rest], of_rest, generator)]
        both = np.concatenate([smallest, drawn])
        mixed: NDArray[np.int64] = both[torch.randperm(len(both), generator=generator).numpy()]
        return mixed

    @cached_property
    def _drawable(self) -> NDArray[np.bool_]:
        return self._image_weights > 0

    @cached_property
    def _image_weights(self) -> NDArray[np.float64]:
        return np.ones(len(self.rows)) if self.weights is None else self.weights

    def _class_weights(self, classes: int = 0) -> NDArray[np.float64]:
        """The sum (C,) of the weights of each class's images."""
        return np.bincount(self.targets, self._image_weights, classes).astype(np.float64)

    @cached_property
    def _smallest(self) -> int:
        """The class with the fewest images to draw, the first of several."""
        counts = np.bincount(self.targets[self._drawable])
        there = np.flatnonzero(counts)
        return int(there[counts[there].argmin()])

    @cached_property
    def _undersampled(self) -> tuple[int, int]:
        """How many images of the smallest class, and of all others, an epoch draws."""
        there = self.targets[self._drawable]
        smallest = int((there == self._smallest).sum())
        return smallest, min(round(self.sampler.ratio * smallest), len(there) - smallest)


def _draw(weights: NDArray[np.float64], size: int, generator: torch.Generator) -> NDArray[np.int64]:
    """Draw places with replacement, in proportion to weights; none if none are wanted."""
    if size == 0:
        return np.empty(0, np.int64)
    drawn = torch.multinomial(
        torch.from_numpy(weights), size, replacement=True, generator=generator
    )
    return np.asarray(drawn.numpy(), np.int64)


def _next_places(count: int, size: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The places (`size`,), of `count`, that an epoch draws of images gone through in turn.

    The places are gone through in passes, each in an order of its own, and epoch after epoch takes
    the next ones. An epoch that takes the end of a pass and the beginning of the next one holds no
    place twice.
    """
    if size == 0:
        return np.empty(0, np.int64)
    number, first = divmod(epoch * size, count)
    orders = [_shuffled(count, seed, 0)]
    # What a pass begins with depends on the end of the one before it, so all are made in turn.
    for later in range(1, number + 2):
        shared = later * count % size  # places of the epoch that the pass before takes part in
        order = _shuffled(count, seed, later)
        _put_off(order, orders[-1][count - shared :], size - shared)
        orders = [orders[-1], order]
    return np.concatenate(orders[-2:])[first : first + size]


def _shuffled(count: int, seed: int, number: int) -> NDArray[np.int64]:
    generator = torch_generator(ORDER, seed, number, _PASS)
    return torch.randperm(count, generator=generator).numpy()


def _put_off(order: NDArray[np.int64], taken: NDArray[np.int64], first: int) -> None:
    """Swap those that are taken already out of the first ones of an order, in place."""
    is_taken = np.zeros(len(order), np.bool_)
    is_taken[taken] = True
    early = np.flatnonzero(is_taken[order[:first]])
    later = first + np.flatnonzero(~is_taken[order[first:]])[: len(early)]
    order[early], order[later] = order[later], order[early]
