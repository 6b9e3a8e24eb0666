"""Near-duplicates: the same photograph twice, under other light, scale or compression.

They must not end up on both sides of a fold. A perceptual hash proposes pairs, quickly and too
many: dermoscopic images all show a dark blob on skin. A correlation of fine structure then
decides, since only the same photograph has its hairs, dots and reflections at the same places.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.data.dataset import Dataset
from skin.data.fine_structure import FineStructure
from skin.data.hamming import close_pairs

HASH_BITS = 10
CORRELATION = 0.85

_Found = tuple[NDArray[np.int64], NDArray[np.float32]]


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
        dataset: has at least one cache; thumbnails of the largest short side are looked at.

    Returns:
        One row a pair: `first` and `second` (rows of the dataset's table, first < second),
        `distance` (bits) and `correlation`.
    """
    hashes = np.array([int(value, 16) for value in dataset.table["phash"]], np.uint64)
    thumbnails = dataset.open_cache(max(dataset.short_sides)).thumbnails
    return similar_pairs(hashes, thumbnails, dataset.table["sha256"].to_numpy(str))


def similar_pairs(
    hashes: NDArray[np.uint64], thumbnails: NDArray[np.uint8], files: NDArray[np.str_]
) -> pd.DataFrame:
    """Find images that show one photograph, of one dataset or of several put together.

    Args:
        hashes: (N,) perceptual hashes.
        thumbnails: (N, 48, 48), see `skin.data.thumbnails`.
        files: (N,) hashes of the images' files.

    Returns:
        As `near_duplicates`, ordered by `first`, then `second`.
    """
    structure = FineStructure(thumbnails)
    _, codes = np.unique(files, return_inverse=True)

    def judge(pairs: NDArray[np.int64]) -> _Found:
        # A blank image has no structure of its own, so equal files are told by themselves.
        is_same = codes[pairs[:, 0]] == codes[pairs[:, 1]]
        same, other = pairs[is_same], pairs[~is_same]
        alike, correlation = structure.alike(other, CORRELATION)
        ones = np.ones(len(same), np.float32)
        return np.concatenate([same, alike]), np.concatenate([ones, correlation])

    found = [(np.empty((0, 2), np.int64), np.empty(0, np.float32))]
    found += close_pairs(hashes, HASH_BITS, judge)
    pairs, correlation = map(np.concatenate, zip(*found, strict=True))
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    first, second = pairs[order].T
    return pd.DataFrame(
        {
            "first": first,
            "second": second,
            "distance": np.bitwise_count(hashes[first] ^ hashes[second]),
            "correlation": correlation[order],
        }
    )
