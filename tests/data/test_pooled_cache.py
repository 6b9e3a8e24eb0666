from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.data.dataset import Dataset, DatasetInfo, PoolPart, SourceInfo, tidy, write_dataset
from skin.data.pooled_cache import PooledCache, PooledRows, read_rows, write_rows
from skin.errors import SkinError

Make = Callable[..., Path]
Add = Callable[..., Dataset]


@pytest.fixture
def parts(files: dict[str, bytes], make_zip: Make, add: Add) -> tuple[Dataset, Dataset]:
    """Two datasets of 18 images, of which the second one's are turned by a half."""
    first = add(make_zip(files), name="first")
    table = files["HAM10000_metadata.csv"].decode().replace("ISIC_0", "ISIC_1")
    images = {
        name.replace("ISIC_0", "ISIC_1"): data
        for (name, _), data in zip(
            list(files.items())[1:], list(files.values())[:0:-1], strict=True
        )
    }
    others = {"HAM10000_metadata.csv": table.encode(), **images}
    return first, add(make_zip(others, "second.zip"), name="second")


PART = [1, 0, 1, 0, 0]
ROW = [3, 7, 0, 2, 17]


@pytest.fixture
def pool(parts: tuple[Dataset, Dataset]) -> Dataset:
    """Three images of the first and two of the second, in mixed order."""
    rows = [
        parts[part].table.iloc[[row]].assign(image_id=f"I{place}", source=parts[part].name)
        for place, (part, row) in enumerate(zip(PART, ROW, strict=True))
    ]
    root = parts[0].root.parent / "pool"
    info = DatasetInfo(
        name="pool",
        source=SourceInfo(reader="pool", path="first + second", fingerprint=""),
        parts=tuple(PoolPart(name=part.name, hash=part.hash) for part in parts),
        skipped=(),
        licence="",
        citation="",
    )
    dataset = write_dataset(root, tidy(pd.concat(rows)), info)
    write_rows(root, PooledRows(("first", "second"), np.array(PART), np.array(ROW)))
    return dataset


def test_each_row_is_that_of_its_dataset(pool: Dataset, parts: tuple[Dataset, Dataset]):
    cache, caches = pool.open_cache(24), [part.open_cache(24) for part in parts]
    assert len(cache) == 5
    expected = [caches[part][row] for part, row in zip(PART, ROW, strict=True)]
    for image, from_iteration, there in zip(
        (cache[row] for row in range(5)), cache, expected, strict=True
    ):
        np.testing.assert_array_equal(image, there)
        np.testing.assert_array_equal(from_iteration, there)
        assert not image.flags.writeable
    thumbnails = [caches[part].thumbnails[row] for part, row in zip(PART, ROW, strict=True)]
    np.testing.assert_array_equal(cache.thumbnails, thumbnails)
    assert cache.sha256.tolist() == pool.table["sha256"].tolist()
    assert list(cache.damaged_rows()) == []
    assert cache.nbytes < 5000, "no pixel is copied"


def test_it_pickles_small_and_opens_again(pool: Dataset):
    cache = pool.open_cache(24)
    data = pickle.dumps(cache)
    assert len(data) < 400
    again = pickle.loads(data)  # noqa: S301 - of this test's own making
    assert isinstance(again, PooledCache)
    for row in range(5):
        np.testing.assert_array_equal(again[row], cache[row])


def test_the_datasets_may_move_together(pool: Dataset, tmp_path: Path):
    expected = pool.open_cache(24)[0].copy()
    shutil.move(pool.root.parent, tmp_path / "elsewhere")
    moved = Dataset.load(tmp_path / "elsewhere" / "pool")
    np.testing.assert_array_equal(moved.open_cache(24)[0], expected)


def test_it_has_the_short_sides_that_all_have(
    pool: Dataset, parts: tuple[Dataset, Dataset], make_zip: Make, files: dict[str, bytes], add: Add
):
    assert pool.short_sides == (24,)
    add(make_zip(files), name="first", short_side=16)
    assert pool.short_sides == (24,)
    with pytest.raises(SkinError, match="'second' has no images cached at short side 16"):
        pool.open_cache(16)
    shutil.rmtree(parts[1].root / "cache")
    with pytest.raises(SkinError, match=r"no short side in common \(first: 16, 24; second: \)"):
        pool.require_short_sides()
    with pytest.raises(SkinError, match="again with --short-side 16"):
        pool.short_side_for(20)


def test_a_dataset_that_is_gone_is_named(pool: Dataset, parts: tuple[Dataset, Dataset]):
    shutil.rmtree(parts[1].root)
    assert pool.short_sides == ()
    with pytest.raises(SkinError, match="second is no longer under"):
        pool.require_short_sides()
    with pytest.raises(SkinError, match="made of dataset 'second', which is no longer in"):
        pool.open_cache(24)


@pytest.mark.parametrize("lesions", [2, 12])
def test_a_dataset_of_other_images_is_named(
    pool: Dataset, make_zip: Make, files: dict[str, bytes], add: Add, lesions: int
):
    """Fewer images than there were, or as many others."""
    header, *rows = files["HAM10000_metadata.csv"].decode().splitlines()
    kept = rows[:lesions] if lesions < 12 else rows
    images = list(files.items())[1:]
    shuffled = {
        name: data for (name, _), (_, data) in zip(images, images[1:] + images[:1], strict=True)
    }
    changed = {"HAM10000_metadata.csv": "\n".join([header, *kept]).encode(), **shuffled}
    add(make_zip(changed, "changed.zip"), name="first", overwrite=True)
    with pytest.raises(SkinError, match="images of dataset 'first' are not those that pool 'pool'"):
        pool.open_cache(24)


def test_damaged_pixels_are_told_by_the_pools_rows(pool: Dataset, parts: tuple[Dataset, Dataset]):
    pixels = parts[1].open_cache(24)[0].tobytes()
    (path,) = (
        p for p in (parts[1].root / "cache").rglob("*") if p.is_file() and pixels in p.read_bytes()
    )
    # That image is row 2 of the pool.
    path.write_bytes(path.read_bytes().replace(pixels, bytes(len(pixels))))
    assert list(pool.open_cache(24).damaged_rows()) == [2]


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_damaged_index_says_what_to_do(pool: Dataset, content: bytes | None):
    path = pool.root / "pooled_rows.npz"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(SkinError, match=r"pooled_rows\.npz is missing or damaged .* --overwrite"):
        pool.open_cache(24)


def test_an_index_of_another_pool_is_refused(pool: Dataset):
    rows = read_rows(pool.root)
    write_rows(pool.root, PooledRows(rows.parts, rows.part[1:], rows.row[1:]))
    with pytest.raises(SkinError, match=r"is not of .*dataset\.csv"):
        pool.open_cache(24)
