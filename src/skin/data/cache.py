"""The decoded cache: all images of a dataset at one short side, in one memory-mapped file."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from skin.errors import SkinError

_PIXELS = "pixels.u8"
_INDEX = "index.npz"
_CHANNELS = 3


def cache_folder(dataset_root: Path, short_side: int) -> Path:
    """Where a dataset's cache for a short side lies."""
    return dataset_root / "cache" / str(short_side)


def cached_short_sides(dataset_root: Path) -> tuple[int, ...]:
    """The short sides that a dataset has a cache for, ascending."""
    folder = dataset_root / "cache"
    found = folder.iterdir() if folder.is_dir() else ()
    return tuple(sorted(int(path.name) for path in found if path.name.isdecimal()))


class ImageCache:
    """Decoded images by row, as read-only views of a memory-mapped file.

    It pickles as its place alone: a loader's worker opens the file again, and all processes share
    the system's one copy of the pages.

    Attributes:
        folder: where it lies.
        sha256: (N,) the hash of the file that each image was decoded from, in hex.
        nbytes: size of the pixels.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            with np.load(folder / _INDEX, allow_pickle=False) as index:
                self.sha256: NDArray[np.str_] = index["sha256"]
                self._sizes: NDArray[np.int64] = index["sizes"]
                self._crc32: NDArray[np.uint32] = index["crc32"]
            self._pixels = _map(folder / _PIXELS)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise SkinError(f"the image cache {folder} is damaged ({error}); {_MEND}") from error
        ends = np.cumsum(self._sizes.prod(axis=1) * _CHANNELS)
        self._starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
        self.nbytes = int(ends[-1]) if len(ends) else 0
        counts = {len(self.sha256), len(self._sizes), len(self._crc32)}
        if len(counts) > 1 or self.nbytes != self._pixels.size:
            raise SkinError(
                f"the image cache {folder} is damaged: its index tells of {self.nbytes:,} bytes, "
                f"there are {self._pixels.size:,}; {_MEND}"
            )

    @classmethod
    def open(cls, dataset_root: Path, short_side: int) -> Self:
        """Open a dataset's cache.

        Raises:
            SkinError: there is none for that short side (the message lists those there are), or
                it is damaged.
        """
        folder = cache_folder(dataset_root, short_side)
        if not folder.is_dir():
            there = ", ".join(map(str, cached_short_sides(dataset_root))) or "none"
            raise SkinError(
                f"dataset '{dataset_root.name}' has no images cached at short side {short_side} "
                f"(there: {there}); run `skin data add` with --short-side {short_side}"
            )
        return cls(folder)

    def __len__(self) -> int:
        return len(self._sizes)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        """The image of a row: (H, W, 3), RGB, read-only."""
        height, width = self._sizes[row]
        start = self._starts[row]
        pixels = self._pixels[start : start + height * width * _CHANNELS]
        return pixels.reshape(height, width, _CHANNELS)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[row] for row in range(len(self)))

    def damaged_rows(self) -> Iterator[int]:
        """Read all pixels, and give the rows whose pixels are not those that were written."""
        for row, pixels in enumerate(self):
            if zlib.crc32(pixels.data) != self._crc32[row]:
                yield row

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        """Pickle by place."""
        return type(self), (self.folder,)


_MEND = "delete that folder and run `skin data add` again"


def _map(path: Path) -> NDArray[np.uint8]:
    if path.stat().st_size == 0:  # which cannot be mapped
        return np.empty(0, np.uint8)
    # A plain array over the map: slicing np.memmap itself is ten times slower.
    return np.asarray(np.memmap(path, np.uint8, mode="r"))


class CacheWriter:
    """Writes a cache image by image; it takes its place when the block ends well.

    Whatever a killed writer left is thrown away by the next one.

    Args:
        dataset_root: the dataset's folder.
        short_side: pixels of the images' short side.
    """

    def __init__(self, dataset_root: Path, short_side: int) -> None:
        self._folder = cache_folder(dataset_root, short_side)
        self._partial = self._folder.with_name(f".{short_side}.partial")
        self._sizes: list[tuple[int, int]] = []
        self._sha256: list[str] = []
        self._crc32: list[int] = []
        self._file: BinaryIO

    def __enter__(self) -> Self:
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        self._file = (self._partial / _PIXELS).open("wb")
        return self

    def add(self, pixels: NDArray[np.uint8], sha256: str) -> None:
        """Append an image of shape (H, W, 3), decoded from a file of that hash."""
        data = np.ascontiguousarray(pixels).data
        self._file.write(data)
        self._crc32.append(zlib.crc32(data))
        self._sizes.append((pixels.shape[0], pixels.shape[1]))
        self._sha256.append(sha256)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
            if kind is None:
                np.savez(
                    self._partial / _INDEX,
                    sizes=np.array(self._sizes, np.int64).reshape(-1, 2),
                    sha256=np.array(self._sha256, "U64"),
                    crc32=np.array(self._crc32, np.uint32),
                )
                shutil.rmtree(self._folder, ignore_errors=True)
                self._partial.rename(self._folder)
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)
