"""The store of files: decoded as they are read, and shared by the short sides."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skin.data.cache import CacheWriter, ImageCache, cached_short_sides, move_cache, share_files
from skin.data.images import decode
from skin.data.thumbnails import thumbnail
from skin.errors import SkinError
from skin.files import sha256_bytes


@pytest.fixture
def images(encode: Callable[..., bytes]):
    first, second = encode(0), encode(1, (30, 40), "PNG")
    return [first, second, first]


@pytest.fixture
def root(tmp_path: Path, images: list[bytes]):
    with CacheWriter(tmp_path, 16, "files") as writer:
        for data in images:
            pixels = decode(data, "", 16)
            writer.append(data, pixels.shape[:2], sha256_bytes(data), thumbnail(pixels))
    return tmp_path


def test_images_are_those_of_a_cache_of_pixels(root: Path, images: list[bytes]):
    cache = ImageCache.open(root, 16)
    assert cache.store == "files"
    assert cache.sha256.tolist() == [sha256_bytes(data) for data in images]
    for row, data in enumerate(images):
        assert np.array_equal(cache[row], decode(data, "", 16))
        assert not cache[row].flags.writeable
        assert np.array_equal(cache.thumbnails[row], thumbnail(decode(data, "", 16)))


def test_files_that_are_the_same_are_kept_once(root: Path, images: list[bytes]):
    assert ImageCache.open(root, 16).nbytes == len(images[0]) + len(images[1])


def test_a_further_short_side_shares_the_files(root: Path, images: list[bytes]):
    before = sum(path.stat().st_size for path in root.rglob("*"))
    share_files(root, 20)
    assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) < before + 100
    assert cached_short_sides(root) == (16, 20)
    assert np.array_equal(ImageCache.open(root, 20)[1], decode(images[1], "", 20))
    assert np.array_equal(
        ImageCache.open(root, 20).thumbnails, ImageCache.open(root, 16).thumbnails
    )


def test_pickles_as_its_place(root: Path):
    cache = ImageCache.open(root, 16)
    assert len(pickle.dumps(cache)) < 500
    assert np.array_equal(pickle.loads(pickle.dumps(cache))[1], cache[1])  # noqa: S301


def test_a_damaged_file_is_found_and_named(root: Path, images: list[bytes]):
    path = root / "cache" / "files" / "files.u8"
    data = bytearray(path.read_bytes())
    data[len(images[0]) + 3] ^= 255  # the second file's signature
    path.write_bytes(data)
    cache = ImageCache.open(root, 16)
    assert list(cache.damaged_rows()) == [1]
    with pytest.raises(SkinError, match=r"row 1 of .*files is not a usable image"):
        cache[1]


@pytest.mark.parametrize("gone", ["files", "files/index.npy"])
def test_without_files_no_short_side_that_reads_them_is_there(root: Path, gone: str):
    with CacheWriter(root, 20):
        pass
    (root / "cache" / gone).rename(root / "elsewhere")
    assert cached_short_sides(root) == (20,)
    with pytest.raises(SkinError, match=r"short side 16 \(there: 20\)"):
        ImageCache.open(root, 16)


def test_the_message_names_the_files_that_are_to_be_deleted(root: Path):
    (root / "cache" / "files" / "index.npy").write_bytes(b"x")
    with pytest.raises(SkinError, match=r"delete .*/cache/files and .* again with --store files"):
        ImageCache.open(root, 16)


def test_a_row_is_whole_until_it_is_damaged(root: Path, images: list[bytes]):
    path = root / "cache" / "files" / "files.u8"
    data = bytearray(path.read_bytes())
    data[len(images[0]) + 3] ^= 1
    path.write_bytes(data)
    cache = ImageCache.open(root, 16)
    assert [cache.is_whole(row) for row in range(3)] == [True, False, True]


def test_files_go_with_the_last_short_side_that_reads_them(root: Path):
    share_files(root, 20)
    for side, is_there in ((16, True), (20, False)):
        with CacheWriter(root, side):
            pass
        assert (root / "cache" / "files").exists() == is_there


@pytest.mark.parametrize("was", ["nothing", "pixels", "files"])
def test_files_move_to_another_dataset(root: Path, tmp_path: Path, was: str):
    other = tmp_path / "other"
    other.mkdir()
    if was != "nothing":
        with CacheWriter(other, 16, was):
            pass
    expected = ImageCache.open(root, 16)[0]
    move_cache(root, other, 16, "files")
    assert np.array_equal(ImageCache.open(other, 16)[0], expected)
    assert not (root / "cache" / "files").exists()
    assert sorted(path.name for path in (other / "cache").iterdir()) == ["16", "files"]
