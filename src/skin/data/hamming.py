"""Pairs of 64-bit hashes that differ in few bits: all of them, without comparing all pairs.

By the pigeonhole principle, as in M. Norouzi, A. Punjani, D. J. Fleet, Fast Exact Search in
Hamming Space with Multi-Index Hashing (CVPR 2012, arXiv:1307.2982). The bits are dealt to chunks.
If chunk i allowed r_i bits of difference, and the sum of all r_i + 1 exceeds the bits that a pair
may differ in, then in some chunk the pair differs in at most r_i. So hashes are sorted by each
chunk in turn, and only those are compared whose chunks are equal but for at most r_i bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from skin.data.parallel import available_cpus, map_ahead

T = TypeVar("T")

_BITS = 64
_CHUNKS = 4
_FEW = 4096
_BLOCK = 1 << 17  # comparisons at once, so that they stay in a core's own cache

# Perceptual hashes order their bits by frequency, and neighbours go together: dealt in any other
# order, chunks tell more hashes apart.
_DEAL = np.random.default_rng(0).permutation(_BITS)


class _Chunk(NamedTuple):
    """Some of the hashes' bits, by which the hashes are sorted.

    Attributes:
        radius: the bits that it may differ in.
        bits: of the hash, as a mask.
        order: rows by ascending key.
        keys: the chunk's bits, (N,) ascending.
        hashes: in that order.
        starts: place of the first hash of each key, (2^w + 1,).
    """

    radius: int
    bits: np.uint64
    order: NDArray[np.int64]
    keys: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    starts: NDArray[np.int64]


def close_pairs(
    hashes: NDArray[np.uint64], most: int, judge: Callable[[NDArray[np.int64]], T]
) -> Iterator[T]:
    """Find the pairs of hashes that differ in at most `most` bits, and have them judged.

    Args:
        hashes: (N,).
        most: bits of difference, less than 64.
        judge: called in several threads with blocks (P, 2) of rows, first < second, each pair
            once over all blocks; what it makes of a block is all that is kept of it, so that
            memory does not grow with the pairs.

    Yields:
        What `judge` makes of each block, in an order that depends on the hashes alone.
    """
    chunks = _deal(hashes, most)
    tasks = (
        (number, mask)
        for number, chunk in enumerate(chunks)
        for mask in _masks(int(chunk.bits).bit_count(), chunk.radius)
    )

    def judge_all(task: tuple[int, int]) -> list[T]:
        return [judge(pairs) for pairs in _join(chunks, *task, most) if len(pairs)]

    workers = available_cpus()
    with ThreadPoolExecutor(workers) as pool:  # numpy lets go of the interpreter's lock
        for results in map_ahead(pool, judge_all, tasks, 3 * workers):
            yield from results


def _deal(hashes: NDArray[np.uint64], most: int) -> list[_Chunk]:
    """Sort the hashes by each chunk; the radii plus one sum to `most` + 1.

    Few hashes are one chunk of no bits, so that all are compared.
    """
    if len(hashes) <= _FEW:
        return [_sort(hashes, _DEAL[:0], most)]
    each, more = divmod(most + 1, _CHUNKS)
    return [
        _sort(hashes, _DEAL[number::_CHUNKS], each + (number < more) - 1)
        for number in range(_CHUNKS)
    ]


def _sort(hashes: NDArray[np.uint64], bits: NDArray[np.int64], radius: int) -> _Chunk:
    keys = np.zeros(len(hashes), np.int64)
    for place, bit in enumerate(bits.tolist()):
        keys |= ((hashes >> np.uint64(bit)) & np.uint64(1)).astype(np.int64) << place
    order = np.argsort(keys, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=1 << len(bits)))])
    mask = np.uint64(sum(1 << bit for bit in bits.tolist()))
    return _Chunk(radius, mask, order, keys[order], hashes[order], starts)


def _masks(width: int, radius: int) -> Iterator[int]:
    """The differences of at most `radius` of `width` bits."""
    for count in range(radius + 1):
        for bits in combinations(range(width), count):
            yield sum(1 << bit for bit in bits)


def _join(chunks: list[_Chunk], number: int, mask: int, most: int) -> Iterator[NDArray[np.int64]]:
    """The close pairs whose keys differ by `mask` in a chunk, and too much in those before it."""
    chunk = chunks[number]
    partners = chunk.keys ^ mask
    first, end = chunk.starts[partners], chunk.starts[partners + 1]
    if mask:
        end = np.where(partners > chunk.keys, end, first)  # once, from the smaller key
    else:
        first = np.arange(1, len(partners) + 1)
    counts = end - first
    rows = np.flatnonzero(counts)
    for part in _split(counts[rows]):
        some = rows[part]
        yield _compare(chunks[: number + 1], some, first[some], counts[some], most)


def _split(counts: NDArray[np.int64]) -> Iterator[slice]:
    """Cut rows so that each part has about `_BLOCK` comparisons."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _BLOCK, side="right")))
        yield slice(start, stop)
        start = stop


def _compare(
    chunks: list[_Chunk],
    rows: NDArray[np.int64],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    most: int,
) -> NDArray[np.int64]:
    """Compare, in the last chunk's order, each of `rows` with the `counts` hashes from `first`."""
    *before, chunk = chunks
    ends = np.cumsum(counts)
    second = np.arange(ends[-1]) + np.repeat(first - ends + counts, counts)
    difference = np.repeat(chunk.hashes[rows], counts) ^ chunk.hashes[second]
    close = np.flatnonzero(np.bitwise_count(difference) <= most)
    difference = difference[close]
    for other in before:  # where it would have been found before
        is_new = np.bitwise_count(difference & other.bits) > other.radius
        close, difference = close[is_new], difference[is_new]
    left = rows[np.searchsorted(ends, close, side="right")]
    pairs = np.column_stack([chunk.order[left], chunk.order[second[close]]])
    pairs.sort(axis=1)
    return pairs
