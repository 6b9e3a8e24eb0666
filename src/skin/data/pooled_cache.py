"""The cache of a pool: which row of which dataset's cache each of its images is.

No image is copied. The datasets lie beside the pool, so they may move together.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from skin.data.cache import Cache, ImageCache, cached_short_sides
from skin.data.thumbnails import SIDE
from skin.errors import SkinError, name_some
from skin.files import replacing

_ROWS = "pooled_rows.npz"
_AGAIN = "pool the datasets again with --overwrite"


class PooledRows(NamedTuple):
    """Where the images of a pool are.

    Attributes:
        parts: the datasets' names, (P,).
        part: each image's place in `parts`, (N,).
        row: its row in that dataset's table and caches, (N,).
    """

    parts: tuple[str, ...]
    part: NDArray[np.int64]
    row: NDArray[np.int64]


def write_rows(root: Path, rows: PooledRows) -> None:
    """Write where a pool's images are into its folder."""
    with replacing(root / _ROWS) as temporary, temporary.open("wb") as file:
        np.savez(file, parts=np.array(rows.parts, np.str_), part=rows.part, row=rows.row)


def read_rows(root: Path) -> PooledRows:
    """Read where a pool's images are.

    Raises:
        SkinError: the file is missing or damaged.
    """
    path = root / _ROWS
    try:
        with np.load(path, allow_pickle=False) as file:
            return PooledRows(tuple(file["parts"].tolist()), file["part"], file["row"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise SkinError(f"{path} is missing or damaged ({error}); {_AGAIN}") from error


def pooled_short_sides(root: Path) -> tuple[int, ...]:
    """The short sides that all of a pool's datasets have a cache for, ascending."""
    sides = [set(cached_short_sides(root.parent / part)) for part in read_rows(root).parts]
    return tuple(sorted(set.intersection(*sides)))


def how_to_share_a_side(data_dir: Path, parts: tuple[str, ...]) -> str:
    """Say what to add to datasets that have no short side in common, or that one is gone."""
    sides = {part: cached_short_sides(data_dir / part) for part in parts}
    gone = [part for part in parts if not (data_dir / part / "dataset.json").is_file()]
    if gone:
        return f"{name_some(gone)} is no longer under {data_dir}: add it again"
    known = sorted({side for some in sides.values() for side in some})
    if not known:
        return "none of its datasets has cached images: run `skin data add` again"
    # The side that the fewest datasets lack; of several, the smallest.
    best = max(known, key=lambda side: (sum(side in some for some in sides.values()), -side))
    there = "; ".join(f"{part}: {', '.join(map(str, some))}" for part, some in sides.items())
    lacking = [part for part in parts if best not in sides[part]]
    return (
        f"{name_some(parts, len(parts))} have no short side in common ({there}): run the "
        f"`skin data add` of {' and '.join(lacking)} again with --short-side {best}"
    )


class PooledCache:
    """The images of a pool by row, out of its datasets' own caches; see `Cache`.

    It pickles as its place alone.

    Attributes:
        root: the pool's folder.
        short_side: of the datasets' caches.

    Raises:
        SkinError: a dataset or its cache is gone, or it has fewer images than there were.
    """

    def __init__(self, root: Path, short_side: int) -> None:
        self.root, self.short_side = root, short_side
        self._rows = read_rows(root)
        self._part, self._row = self._rows.part, self._rows.row
        self._caches = [self._open(place, part) for place, part in enumerate(self._rows.parts)]

    @classmethod
    def open(cls, root: Path, short_side: int, sha256: NDArray[np.str_]) -> Self:
        """Open a pool's cache, and check that the images are those that were pooled.

        Args:
            root: the pool's folder.
            short_side: of the images.
            sha256: (N,) what the pool's table says of their files.

        Raises:
            SkinError: as the class; or a dataset's images changed since.
        """
        cache = cls(root, short_side)
        if len(cache) != len(sha256):
            raise SkinError(f"{root / _ROWS} is not of {root / 'dataset.csv'}; {_AGAIN}")
        changed = np.flatnonzero(cache.sha256 != sha256)
        if len(changed):
            raise cache._changed(int(cache._part[changed[0]]))
        return cache

    @property
    def folder(self) -> Path:
        """Where it lies, for messages."""
        return self.root

    @property
    def nbytes(self) -> int:
        """What its images take on disk: nothing beyond its datasets'."""
        return (self.root / _ROWS).stat().st_size

    @cached_property
    def sha256(self) -> NDArray[np.str_]:
        """(N,) the hash of the file that each image comes from, in hex."""
        hashes = np.empty(len(self), "U64")
        for cache, mine, rows in self._by_part():
            hashes[mine] = cache.sha256[rows]
        return hashes

    @property
    def thumbnails(self) -> NDArray[np.uint8]:
        """(N, 48, 48), grey; gathered from the datasets whenever it is asked for."""
        gathered = np.empty((len(self), SIDE, SIDE), np.uint8)
        for cache, mine, rows in self._by_part():
            gathered[mine] = cache.thumbnails[rows]
        return gathered

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        """The image of a row: (H, W, 3), RGB, read-only."""
        pixels: NDArray[np.uint8] = self._caches[self._part[row]][int(self._row[row])]
        return pixels

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[row] for row in range(len(self)))

    def damaged_rows(self) -> Iterator[int]:
        """Read its datasets' caches; give the pool's rows that are not as they were written."""
        damaged = np.zeros(len(self), np.bool_)
        for cache, mine, rows in self._by_part():
            damaged[mine] = np.isin(rows, list(cache.damaged_rows()))
        return iter(np.flatnonzero(damaged).tolist())

    def __reduce__(self) -> tuple[type[Self], tuple[Path, int]]:
        """Pickle by place."""
        return type(self), (self.root, self.short_side)

    def _by_part(self) -> Iterator[tuple[Cache, NDArray[np.int64], NDArray[np.int64]]]:
        """Each dataset's cache, the pool's rows that are of it, and their rows in it."""
        for place, cache in enumerate(self._caches):
            mine = np.flatnonzero(self._part == place)
            yield cache, mine, self._row[mine]

    def _open(self, place: int, part: str) -> Cache:
        root = self.root.parent / part
        if not root.is_dir():
            raise SkinError(
                f"pool '{self.root.name}' was made of dataset '{part}', which is no longer in "
                f"{self.root.parent}; put it back, or {_AGAIN}"
            )
        cache = ImageCache.open(root, self.short_side)
        if self._row[self._part == place].max(initial=-1) >= len(cache):
            raise self._changed(place)
        return cache

    def _changed(self, place: int) -> SkinError:
        part = self._rows.parts[place]
        return SkinError(
            f"the images of dataset '{part}' are not those that pool '{self.root.name}' was made "
            f"of; restore it, or {_AGAIN}"
        )
