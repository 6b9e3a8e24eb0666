from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skin.data import hamming
from skin.data.hamming import close_pairs

WORDS = st.integers(0, 2**64 - 1)


def found(hashes: NDArray[np.uint64], most: int):
    blocks = list(close_pairs(hashes, most, lambda pairs: pairs))
    return [tuple(pair) for block in blocks for pair in block.tolist()]


def all_pairs(hashes: NDArray[np.uint64], most: int):
    distance = np.bitwise_count(hashes[:, None] ^ hashes[None])
    first, second = np.nonzero(np.triu(distance <= most, 1))
    return list(zip(first.tolist(), second.tolist(), strict=True))


@st.composite
def clusters(draw: st.DrawFn):
    """Hashes around a few centres, so that many pairs lie near the limit."""
    centres = draw(st.lists(WORDS, min_size=1, max_size=3))
    flips = st.lists(st.integers(0, 63), max_size=8)
    members = draw(st.lists(st.tuples(st.sampled_from(centres), flips), max_size=30))
    values = []
    for centre, bits in members:
        value = centre
        for bit in bits:
            value ^= 1 << bit
        values.append(value)
    return np.array(values, np.uint64)


@given(clusters(), st.integers(0, 12))
def test_all_close_pairs_are_found_once(hashes: NDArray[np.uint64], most: int):
    assert sorted(found(hashes, most)) == all_pairs(hashes, most)


@settings(max_examples=30)
@given(clusters(), st.integers(0, 12))
def test_all_close_pairs_are_found_once_by_chunks(hashes: NDArray[np.uint64], most: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hamming, "_FEW", 0)
        assert sorted(found(hashes, most)) == all_pairs(hashes, most)


def test_many_hashes_in_small_blocks(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    centres = rng.integers(0, 2**63, 40, np.uint64)
    noise = rng.integers(0, 2**63, (3, 2000), np.uint64)
    hashes = centres[rng.integers(0, 40, 2000)] ^ (noise[0] & noise[1] & noise[2])
    expected = all_pairs(hashes, 10)
    assert len(expected) > 1000
    monkeypatch.setattr(hamming, "_FEW", 0)
    monkeypatch.setattr(hamming, "_BLOCK", 64)
    assert sorted(found(hashes, 10)) == expected


def test_blocks_come_in_one_order():
    hashes = np.random.default_rng(1).integers(0, 1 << 26, 5000, np.uint64)
    assert found(hashes, 4) == found(hashes, 4)


def test_equal_hashes_do_not_make_one_huge_block():
    hashes = np.zeros(2000, np.uint64)
    sizes = list(close_pairs(hashes, 10, len))
    assert sum(sizes) == 2000 * 1999 / 2
    assert max(sizes) <= hamming._BLOCK + len(hashes)  # noqa: SLF001
