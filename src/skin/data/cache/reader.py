"""Reading a cache by row."""

from __future__ import annotations

import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from skin.data.cache.layout import (
    DATA,
    FILES,
    INDEX,
    RECORD,
    SHARED,
    THUMBNAILS,
    Store,
    cache_folder,
    cached_short_sides,
    checksum,
    damaged_records,
    hex_digests,
)
from skin.data.images import decode
from skin.data.thumbnails import SIDE
from skin.errors import SkinError

_CHANNELS = 3
# What NumPy raises on files that are cut, or whose header is damaged and parsed as Python.
_UNREADABLE = (OSError, ValueError, TypeError, EOFError, SyntaxError, tokenize.TokenError)


class Cache(Protocol):
    """Images by row at one short side: all that the rest of the package knows of a cache.

    It pickles small, for a loader's workers, and holds neither images nor thumbnails in memory.
    """

    @property
    def folder(self) -> Path:
        """Where it lies, for messages."""

    @property
    def nbytes(self) -> int:
        """What its images take on disk."""

    @property
    def sha256(self) -> NDArray[np.str_]:
        """(N,) the hash of the file that each image comes from, in hex."""

    @property
    def thumbnails(self) -> NDArray[np.uint8]:
        """(N, 48, 48), grey, read-only; see `skin.data.thumbnails`."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        """The image of a row: (H, W, 3), RGB, read-only."""

    def __iter__(self) -> Iterator[NDArray[np.uint8]]: ...

    def damaged_rows(self) -> Iterator[int]:
        """Read all of it; give the rows that are not as they were written, ascending."""


class ImageCache:
    """A dataset's own cache, over memory-mapped files; see `Cache`.

    It pickles as its place alone: a loader's worker opens the files again, and all processes
    share the system's one copy of their pages.

    Attributes:
        folder: where it lies.
        place: where its bytes lie: that folder, or the one of the files that short sides share.
        store: whether it keeps pixels, or files that are decoded as they are read.
        nbytes: what the images, or the files, take on disk.
        thumbnails: (N, 48, 48); of files, as they were at the first short side that was added.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: Store = "files" if (folder / SHARED).exists() else "pixels"
        self.place = folder if self.store == "pixels" else folder.parent / FILES
        try:
            self._index = _load_index(self.place / INDEX)
            self._data = _map(self.place / DATA[self.store])
            thumbnails = _map(self.place / THUMBNAILS)
        except _UNREADABLE as error:
            raise self._damaged(str(error)) from error
        self.nbytes = self._data.size
        self._starts, self._bytes = self._index["start"], self._index["bytes"]
        self._heights = self._index["height"]
        expected = int((self._starts + self._bytes).max()) if len(self) else 0
        if expected != self.nbytes or thumbnails.size != len(self) * SIDE * SIDE:
            raise self._damaged(
                f"its index tells of {expected:,} bytes and {len(self):,} thumbnails, there are "
                f"{self.nbytes:,} and {thumbnails.size / SIDE**2:,g}"
            )
        self.thumbnails = thumbnails.reshape(-1, SIDE, SIDE)

    @classmethod
    def open(cls, dataset_root: Path, short_side: int) -> Self:
        """Open a dataset's cache.

        Raises:
            SkinError: there is none for that short side (the message lists those there are), or
                it is damaged.
        """
        folder = cache_folder(dataset_root, short_side)
        sides = cached_short_sides(dataset_root)
        if short_side not in sides:
            there = ", ".join(map(str, sides)) or "none"
            raise SkinError(
                f"dataset '{dataset_root.name}' has no images cached at short side {short_side} "
                f"(there: {there}); run `skin data add` with --short-side {short_side}"
            )
        return cls(folder)

    @property
    def sha256(self) -> NDArray[np.str_]:
        """(N,) the hash of the file that each image comes from, in hex."""
        return hex_digests(self._index)

    @property
    def how_to_mend(self) -> str:
        """What to do if it is damaged, for messages."""
        side = "" if self.store == "files" else f"--short-side {self.folder.name} "
        return f"delete {self.place} and run `skin data add` again with {side}--store {self.store}"

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        """The image of a row: (H, W, 3), RGB, read-only.

        Raises:
            SkinError: the file of that row is damaged.
        """
        start = self._starts[row]
        data = self._data[start : start + self._bytes[row]]
        if self.store == "pixels":
            return data.reshape(self._heights[row], -1, _CHANNELS)
        name = f"row {row} of {self.place}"
        pixels = decode(data.tobytes(), name, int(self.folder.name))
        pixels.flags.writeable = False
        return pixels

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[row] for row in range(len(self)))

    def damaged_rows(self) -> Iterator[int]:
        """Read all of it; give the rows that are not as they were written, ascending."""
        damaged = set(damaged_records(self.place, self.store, self._index))
        if self.store == "pixels":  # which could be moved to another short side's folder
            sides = np.minimum(self._index["height"], self._index["width"])
            damaged.update(np.flatnonzero(sides != int(self.folder.name)).tolist())
        return iter(sorted(damaged))

    def is_whole(self, row: int) -> bool:
        """Whether a row is as it was written: its record, its bytes and its thumbnail."""
        record = self._index[row]
        start, count = int(record["start"]), int(record["bytes"])
        data, picture = self._data[start : start + count], self.thumbnails[row]
        side = min(int(record["height"]), int(record["width"]))
        return (self.store == "files" or side == int(self.folder.name)) and bool(
            checksum(record, data.data, picture.tobytes()) == record["crc32"]
        )

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        """Pickle by place."""
        return type(self), (self.folder,)

    def _damaged(self, reason: str) -> SkinError:
        return SkinError(f"the image cache {self.place} is damaged ({reason}); {self.how_to_mend}")


def _load_index(path: Path) -> NDArray[np.void]:
    index: NDArray[np.void] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    if index.dtype != RECORD:
        raise ValueError(f"{path.name} is of another version")
    return index


def _map(path: Path) -> NDArray[np.uint8]:
    if path.stat().st_size == 0:  # which cannot be mapped
        return np.empty(0, np.uint8)
    # A plain array over the map: slicing np.memmap itself is ten times slower.
    return np.asarray(np.memmap(path, np.uint8, mode="r"))
