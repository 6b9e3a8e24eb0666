"""Thumbnails of all images of a page, within a budget of bytes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skin.analysis.report.browser.columns import script_json
from skin.data.cache import Cache
from skin.data.dataset import Dataset

BUDGET = 12_000_000
"""Characters of the page that all thumbnails may take, so that a report stays under 25 MB."""

SIDES = (128, 112, 96, 80, 64, 48)
"""Short sides in pixels, the best first."""

_QUALITY = 60  # of WebP: a photograph of skin is smooth, and 128 px take 0.8 kB
_SAMPLE = 400
_MARGIN = 1.05  # the mean of that many sizes is known to some 3 %
_SEPARATORS = 3  # two quotes and a comma in the JSON list
_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """The thumbnails of N images.

    Attributes:
        side: their short side in pixels; the cache's own where that is smaller.
        data: (N,) each a WebP file in base64; None where the budget did not reach.
    """

    side: int
    data: tuple[str | None, ...]

    @property
    def kept(self) -> int:
        """How many images have one."""
        return sum(one is not None for one in self.data)

    def to_json(self) -> str:
        """A JSON list, null where there is none, safe within a `<script>`."""
        return script_json(self.data)


def make_thumbnails(
    dataset: Dataset,
    rows: NDArray[np.int64],
    priority: NDArray[np.int64],
    budget: int = BUDGET,
) -> Thumbnails:
    """Make as large thumbnails of a dataset's images as the budget allows.

    The side is the largest of `SIDES` at which all are expected to fit, by the mean size of a
    sample spread evenly over the rows. If they do not fit at the smallest, the images of low
    priority numbers are kept first, and among equals those that come first. The same pixels give
    the same bytes under the same version of OpenCV.

    Args:
        dataset: with at least one cache.
        rows: (N,) rows of its table.
        priority: (N,) the lowest are kept first where not all fit.
        budget: characters of base64 in all.

    Raises:
        SkinError: the dataset has no cache, or it is damaged.
    """
    cache = fitting_cache(dataset)
    side = _choose_side(cache, rows, budget)
    data: list[str | None] = [None] * len(rows)
    left = budget
    order = np.argsort(priority, kind="stable")
    for place, picture in zip(order.tolist(), _encode_all(cache, rows[order], side), strict=False):
        left -= len(picture) + _SEPARATORS
        if left < 0:
            break
        data[place] = picture
    return Thumbnails(side, tuple(data))


def fitting_cache(dataset: Dataset) -> Cache:
    """The smallest cache that needs no enlarging, or else the largest.

    Raises:
        SkinError: there is none, or it is damaged.
    """
    return dataset.open_cache(dataset.short_side_for(SIDES[0]))


def _choose_side(cache: Cache, rows: NDArray[np.int64], budget: int) -> int:
    sample = rows[np.linspace(0, len(rows) - 1, min(_SAMPLE, len(rows))).astype(np.int64)]
    for side in SIDES[:-1]:
        sizes = [len(picture) + _SEPARATORS for picture in _encode_all(cache, sample, side)]
        if float(np.mean(sizes)) * len(rows) * _MARGIN <= budget:
            return side
    return SIDES[-1]


def _encode_all(cache: Cache, rows: NDArray[np.int64], side: int) -> Iterator[str]:
    """In the order of the rows, some at once: OpenCV leaves other threads free to work."""
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE].tolist()
            yield from pool.map(_encoder(cache, side), some)


def _encoder(cache: Cache, side: int) -> Callable[[int], str]:
    return lambda row: encode(cache[row], side)


def encode(pixels: NDArray[np.uint8], side: int) -> str:
    """Scale RGB pixels (H, W, 3) down to a short side and write them as WebP in base64."""
    height, width = pixels.shape[:2]
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    scale = side / min(height, width)
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    return base64.b64encode(data.tobytes()).decode()
