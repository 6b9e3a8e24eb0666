"""Synthetic images: each a weighted mean of two real ones of a class, computed when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from skin.data.loader import Images


@dataclass(frozen=True)
class Blends:
    """What synthetic images are made of: `(1 - share) * first + share * second`.

    Attributes:
        first: (K,) rows of the dataset's table. SMOTE gives the heavier parent here, whose size
            and orientation the blend has.
        second: (K,) rows of the table, of the same classes.
        share: (K,) of the second image, 0 to 1.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    share: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, chosen: NDArray[np.int64]) -> Blends:
        """Those at the given places."""
        return Blends(self.first[chosen], self.second[chosen], self.share[chosen])

    def __add__(self, other: Blends) -> Blends:
        return Blends(
            np.concatenate([self.first, other.first]),
            np.concatenate([self.second, other.second]),
            np.concatenate([self.share, other.share]),
        )

    @classmethod
    def none(cls) -> Self:
        """No blend at all."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


@dataclass(frozen=True)
class BlendedImages:
    """Real images by their row, and from `real` on the blends, in the order of `blends`.

    Nothing is kept: a blend is made at full cached resolution when it is asked for.

    Attributes:
        images: the real ones.
        real: how many real ones there are, N; number N + k means blend k.
        blends: between them.
    """

    images: Images
    real: int
    blends: Blends

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        """The image of a number: (H, W, 3), RGB."""
        if number < self.real:
            return self.images[number]
        k = number - self.real
        first = self.images[int(self.blends.first[k])]
        second = self.images[int(self.blends.second[k])]
        share = float(self.blends.share[k])
        second = _resize(second, first.shape[:2])
        return np.asarray(cv2.addWeighted(first, 1 - share, second, share, 0), np.uint8)


def extended_targets(targets: NDArray[np.int64], blends: Blends) -> NDArray[np.int64]:
    """Append each blend's class, that of both its parents: (N,) becomes (N + K,)."""
    return np.concatenate([targets, targets[blends.first]])


def _resize(pixels: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Bring an image to a height and width, whatever its own aspect."""
    if pixels.shape[:2] == shape:
        return pixels
    height, width = shape
    shrinks = height * width < pixels.shape[0] * pixels.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=interpolation), np.uint8)
