"""Near-duplicates: the same photograph twice, under other light, scale or compression.

They must not end up on both sides of a fold. A perceptual hash proposes pairs, quickly and too
many: dermoscopic images all show a dark blob on skin. A correlation of fine structure then
decides, since only the same photograph has its hairs, dots and reflections at the same places.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.data.cache import ImageCache
from skin.data.dataset import Dataset

HASH_BITS = 10
CORRELATION = 0.85

_SIDE = 48
_BLUR = 2.0  # pixels of `_SIDE`: coarser structure than this, the blob itself, is taken off
_BLOCK = 512


def near_duplicates(dataset: Dataset) -> pd.DataFrame:
    """Find images that show one photograph.

    Evidence for the thresholds, from HAM10000's 10,015 images at 256 px. Of the pairs with a hash
    distance of at most 10 bits, 11,891 are of different lesions and 247 of one. Those of
    different lesions correlate up to 0.79, but for one pair: ISIC_0025226 and ISIC_0030074,
    distance 2, correlation 0.98, to the eye one photograph in two tints, with equal age, sex and
    site. Of one lesion, 84 pairs correlate above 0.85; the 24 lowest of them show, to the eye,
    the same skin in the same framing. Without the hash, all 50 million pairs, each in the eight
    mirrored and turned views, add none: those of different lesions correlate up to 0.86, and
    there it is small dark spots of one size in the middle of plain skin. The hash keeps such out,
    so the thresholds lie in a wide gap; mirrored or turned copies need no search.

    Args:
        dataset: has at least one cache; the largest is looked at.

    Returns:
        One row a pair: `first` and `second` (rows of the dataset's table, first < second),
        `distance` (bits) and `correlation`.
    """
    hashes = np.array([int(value, 16) for value in dataset.table["phash"]], np.uint64)
    pairs = np.concatenate(list(_similar_hashes(hashes)))
    details = _details(dataset.open_cache(max(dataset.short_sides)))
    first, second = pairs.T
    correlation = np.concatenate(
        [
            np.einsum("ij,ij->i", details[first[block]], details[second[block]])
            for block in _blocks(len(pairs))
        ]
        or [np.empty(0, np.float32)]
    )
    files = dataset.table["sha256"].to_numpy()
    correlation[files[first] == files[second]] = 1  # a blank image has no structure of its own
    found = pd.DataFrame(
        {
            "first": first,
            "second": second,
            "distance": np.bitwise_count(hashes[first] ^ hashes[second]),
            "correlation": correlation,
        }
    )
    return found[found["correlation"] >= CORRELATION].reset_index(drop=True)


def _similar_hashes(hashes: NDArray[np.uint64]) -> Iterator[NDArray[np.int64]]:
    """Pairs (P, 2) of rows, first < second, whose hashes differ in few bits, block by block."""
    for block in _blocks(len(hashes)):
        distance = np.bitwise_count(hashes[block, None] ^ hashes[None, block.start :])
        pairs = np.argwhere(distance <= HASH_BITS)
        yield pairs[pairs[:, 0] < pairs[:, 1]] + block.start


def _details(cache: ImageCache) -> NDArray[np.float32]:
    """The fine structure of each image, (N, `_SIDE`²), with zero mean and unit length."""
    result = np.empty((len(cache), _SIDE * _SIDE), np.float32)
    for row, image in enumerate(cache):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        fine = small - cv2.GaussianBlur(small, (0, 0), _BLUR)
        result[row] = (fine - fine.mean()).ravel()
    result /= np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-6)
    return result


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))
