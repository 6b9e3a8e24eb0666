from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from skin.data.cache import CacheWriter, ImageCache, cached_short_sides
from skin.data.cache.layout import RECORD
from skin.data.thumbnails import thumbnail
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


def flip(path: Path, position: int):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_images_come_back_bit_for_bit(root: Path):
    cache = ImageCache.open(root, 4)
    assert len(cache) == 3
    assert all(np.array_equal(cached, image) for cached, image in zip(cache, IMAGES, strict=True))
    assert cache.sha256.tolist() == HASHES
    assert cache.nbytes == sum(image.size for image in IMAGES)
    assert cached_short_sides(root) == (4,)


def test_thumbnails_are_those_of_the_images(root: Path):
    thumbnails = ImageCache.open(root, 4).thumbnails
    assert np.array_equal(thumbnails, [thumbnail(image) for image in IMAGES])
    with pytest.raises(ValueError, match="read-only"):
        thumbnails[0, 0, 0] = 1


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


def test_a_missing_short_side_lists_those_there_are(root: Path):
    with pytest.raises(SkinError, match=r"short side 8 \(there: 4\)"):
        ImageCache.open(root, 8)


@pytest.mark.parametrize("file", ["pixels.u8", "index.npy", "thumbnails.u8"])
@pytest.mark.parametrize("keep", [0, 30])
def test_a_cut_file_is_damage(root: Path, file: str, keep: int):
    path = root / "cache" / "4" / file
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SkinError, match="damaged"):
        ImageCache.open(root, 4)


def test_any_damage_of_the_indexs_header_is_told_or_harmless(root: Path):
    path = root / "cache" / "4" / "index.npy"
    whole = path.read_bytes()
    told = 0
    for position in range(len(whole) - 3 * RECORD.itemsize):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                list(ImageCache.open(root, 4).damaged_rows())
            except SkinError as error:
                assert "is damaged" in str(error)  # noqa: PT017 - some flips are of mere padding
                told += 1
    assert told > 1000


def test_a_header_with_keys_of_two_types_is_damage(root: Path):
    path = root / "cache" / "4" / "index.npy"
    path.write_bytes(path.read_bytes().replace(b", 'fortran_order'", b",b'fortran_order'"))
    with pytest.raises(SkinError, match="is damaged"):
        ImageCache.open(root, 4)


def test_an_index_of_another_version_is_told(root: Path):
    np.save(root / "cache" / "4" / "index.npy", np.zeros(3))
    with pytest.raises(SkinError, match="another version"):
        ImageCache.open(root, 4)


@pytest.mark.parametrize(
    ("file", "position"), [("pixels.u8", IMAGES[0].size), ("thumbnails.u8", 48 * 48)]
)
def test_changed_bytes_are_found(root: Path, file: str, position: int):
    assert list(ImageCache.open(root, 4).damaged_rows()) == []
    flip(root / "cache" / "4" / file, position)
    cache = ImageCache.open(root, 4)
    assert list(cache.damaged_rows()) == [1]
    assert [cache.is_whole(row) for row in range(3)] == [True, False, True]


def test_a_cache_in_another_short_sides_folder_is_damage(root: Path):
    (root / "cache" / "4").rename(root / "cache" / "5")
    cache = ImageCache.open(root, 5)
    assert list(cache.damaged_rows()) == [0, 1, 2]
    assert not any(map(cache.is_whole, range(3)))
