from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from skin.data.cache import CacheWriter, ImageCache, cached_short_sides
from skin.errors import SkinError

RNG = np.random.default_rng(0)
IMAGES = [RNG.integers(0, 256, (4, width, 3), np.uint8) for width in (4, 7, 5)]
HASHES = [f"{number:064x}" for number in range(3)]


@pytest.fixture
def root(tmp_path: Path):
    with CacheWriter(tmp_path, 4) as writer:
        for image, sha256 in zip(IMAGES, HASHES, strict=True):
            writer.add(image, sha256)
    return tmp_path


def test_images_come_back_bit_for_bit(root: Path):
    cache = ImageCache.open(root, 4)
    assert len(cache) == 3
    assert all(np.array_equal(cached, image) for cached, image in zip(cache, IMAGES, strict=True))
    assert cache.sha256.tolist() == HASHES
    assert cache.nbytes == sum(image.size for image in IMAGES)
    assert cached_short_sides(root) == (4,)


def test_views_are_read_only_and_share_memory(root: Path):
    cache = ImageCache.open(root, 4)
    assert np.shares_memory(cache[1], cache[1])
    with pytest.raises(ValueError, match="read-only"):
        cache[1][0, 0, 0] = 1


def test_pickles_as_its_place(root: Path):
    cache = ImageCache.open(root, 4)
    data = pickle.dumps(cache)
    assert len(data) < 500
    assert np.array_equal(pickle.loads(data)[2], IMAGES[2])  # noqa: S301


def test_an_empty_cache_opens(tmp_path: Path):
    with CacheWriter(tmp_path, 4):
        pass
    assert list(ImageCache.open(tmp_path, 4)) == []


def test_a_writer_that_fails_leaves_the_old_cache(root: Path):
    with pytest.raises(RuntimeError), CacheWriter(root, 4) as writer:  # noqa: PT012
        writer.add(IMAGES[0], HASHES[0])
        raise RuntimeError
    assert len(ImageCache.open(root, 4)) == 3
    assert [path.name for path in (root / "cache").iterdir()] == ["4"]


def test_what_a_killed_writer_left_is_cleared(root: Path):
    (root / "cache" / ".4.partial").mkdir()
    (root / "cache" / ".4.partial" / "pixels.u8").write_bytes(b"half")
    assert cached_short_sides(root) == (4,)
    with CacheWriter(root, 4) as writer:
        writer.add(IMAGES[1], HASHES[1])
    assert np.array_equal(ImageCache.open(root, 4)[0], IMAGES[1])


def test_a_missing_short_side_lists_those_there_are(root: Path):
    with pytest.raises(SkinError, match=r"short side 8 \(there: 4\)"):
        ImageCache.open(root, 8)


@pytest.mark.parametrize("file", ["pixels.u8", "index.npz"])
@pytest.mark.parametrize("keep", [0, 30])
def test_a_cut_file_is_damage(root: Path, file: str, keep: int):
    path = root / "cache" / "4" / file
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SkinError, match="damaged"):
        ImageCache.open(root, 4)


def test_changed_pixels_are_found(root: Path):
    path = root / "cache" / "4" / "pixels.u8"
    data = bytearray(path.read_bytes())
    data[IMAGES[0].size] ^= 1
    path.write_bytes(data)
    assert list(ImageCache.open(root, 4).damaged_rows()) == [1]
