"""Writing a cache image by image, so that a killed build can be gone on with."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from skin.data.cache.layout import (
    DATA,
    INDEX,
    RECORD,
    THUMBNAILS,
    Store,
    cache_folder,
    checksum,
    damaged_records,
    files_folder,
)
from skin.data.cache.shared import remove_unused_files, share_files
from skin.data.thumbnails import SIDE, thumbnail
from skin.files import write_text

_PLAN = "plan"
_RECORDS = "records"  # the index as it grows
_Span = tuple[int, int]


class CacheWriter:
    """Writes a cache row by row; it takes its place when the block ends well.

    What is written is with the system at once, the index last. So a writer that was killed, or
    whose block raised, leaves rows that the next writer of the same plan checks and goes on
    after. What differs, or is of another plan or short side, it throws away. The finished cache
    is the same, byte for byte.

    Args:
        dataset_root: the dataset's folder.
        short_side: pixels of the images' short side.
        store: whether pixels are written, or files.
        plan: says all that the rows depend on. Without one, nothing is gone on with or left.
    """

    def __init__(
        self,
        dataset_root: Path,
        short_side: int,
        store: Store = "pixels",
        plan: str | None = None,
    ) -> None:
        self._root, self._short_side, self._store = dataset_root, short_side, store
        self._plan = plan
        is_shared = store == "files"
        self._folder = (
            files_folder(dataset_root) if is_shared else cache_folder(dataset_root, short_side)
        )
        self._partial = self._folder.with_name(f".{self._folder.name}.partial")
        self._spans: dict[bytes, _Span] = {}
        self._count = self._end = 0
        self._data: BinaryIO
        self._thumbnails: BinaryIO
        self._records: BinaryIO

    def __enter__(self) -> Self:
        for left in self._partial.parent.glob(".*.partial"):
            if left != self._partial:
                shutil.rmtree(left)
        if self._plan is None or _read(self._partial / _PLAN) != self._plan:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(parents=True)
            write_text(self._partial / _PLAN, self._plan or "")
        self._data = (self._partial / DATA[self._store]).open("ab")
        self._thumbnails = (self._partial / THUMBNAILS).open("ab")
        self._records = (self._partial / _RECORDS).open("ab")
        index = self._index()
        self.truncate(next(damaged_records(self._partial, self._store, index), len(index)))
        return self

    @property
    def folder(self) -> Path:
        """Where it writes; what else is put there lasts as long as the build."""
        return self._partial

    def __len__(self) -> int:
        """The rows written so far, those of a killed writer included."""
        return self._count

    def add(self, pixels: NDArray[np.uint8], sha256: str) -> None:
        """Append an image of shape (H, W, 3), decoded from a file of that hash."""
        height, width = pixels.shape[:2]
        data = np.ascontiguousarray(pixels).data
        self.append(data, (height, width), sha256, thumbnail(pixels))

    def append(
        self,
        data: bytes | memoryview,
        size: tuple[int, int],
        sha256: str,
        small: NDArray[np.uint8],
    ) -> None:
        """Append an image.

        Args:
            data: its pixels, or its file's bytes; written once for files of one hash.
            size: its height and width.
            sha256: of its file, in hex.
            small: its thumbnail.
        """
        digest = bytes.fromhex(sha256)
        span = self._spans.get(digest)
        if span is None:
            _write(self._data, data)
            span = (self._end, memoryview(data).nbytes)
            self._spans[digest] = span
            self._end += span[1]
        picture = small.tobytes()
        _write(self._thumbnails, picture)
        record = np.zeros((), RECORD)
        record["sha256"] = np.frombuffer(digest, np.uint8)
        record["start"], record["bytes"] = span
        record["height"], record["width"] = size
        record["crc32"] = checksum(record, data, picture)
        _write(self._records, record.tobytes())
        self._count += 1

    def truncate(self, count: int) -> None:
        """Keep the first `count` rows, and forget the others."""
        index = self._index()[:count]
        self._records.truncate(len(index) * RECORD.itemsize)
        self._thumbnails.truncate(len(index) * SIDE * SIDE)
        digests = map(bytes, index["sha256"])
        spans = zip(index["start"].tolist(), index["bytes"].tolist(), strict=True)
        self._spans = dict(zip(digests, spans, strict=True))
        self._count = len(index)
        self._end = int((index["start"] + index["bytes"]).max()) if len(index) else 0
        self._data.truncate(self._end)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _close(self._data, self._thumbnails, self._records)
        if kind is None:
            self._finish()
        elif self._plan is None:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _finish(self) -> None:
        np.save(self._partial / INDEX, self._index())
        for path in self._partial.iterdir():
            if path.name not in {INDEX, DATA[self._store], THUMBNAILS}:
                path.unlink()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._partial.rename(self._folder)
        if self._store == "files":
            share_files(self._root, self._short_side)
        else:
            remove_unused_files(self._root)

    def _index(self) -> NDArray[np.void]:
        size = (self._partial / _RECORDS).stat().st_size
        return np.fromfile(self._partial / _RECORDS, RECORD, size // RECORD.itemsize)


def _write(file: BinaryIO, data: bytes | memoryview) -> None:
    file.write(data)
    file.flush()


def _close(*files: BinaryIO) -> None:
    for file in files:
        os.fsync(file.fileno())
        file.close()


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
