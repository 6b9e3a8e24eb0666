"""How a cache lies on disk.

```
cache/256/    index.npy  pixels.u8  thumbnails.u8   store `pixels`: decoded at short side 256
cache/files/  index.npy  files.u8   thumbnails.u8   store `files`: the files' own bytes, once
cache/128/    files.json                            read from `files`, scaled to 128
cache/450/    files.json                            the same files at a further short side
```
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from skin.data.thumbnails import SIDE

Store = Literal["pixels", "files"]
"""What a cache keeps of an image: its pixels at the short side, or its file's own bytes."""

INDEX: Final = "index.npy"
DATA: Final[Mapping[Store, str]] = {"pixels": "pixels.u8", "files": "files.u8"}
THUMBNAILS: Final = "thumbnails.u8"
FILES: Final = "files"
SHARED: Final = "files.json"

RECORD: Final = np.dtype(
    [
        ("sha256", "u1", (32,)),
        ("start", "<i8"),
        ("bytes", "<i8"),
        ("height", "<i4"),
        ("width", "<i4"),
        ("crc32", "<u4"),
    ]
)
"""A row of the index.

The SHA-256 of the image's file; where its bytes lie, rows of one and the same file sharing
theirs; its size as cached, or of the file's upright image; a checksum of all that and of the
bytes and the thumbnail.
"""


def cache_folder(dataset_root: Path, short_side: int) -> Path:
    """Where a dataset's cache for a short side lies."""
    return dataset_root / "cache" / str(short_side)


def files_folder(dataset_root: Path) -> Path:
    """Where the files lie that a dataset's caches of store `files` share."""
    return dataset_root / "cache" / FILES


def are_files_there(dataset_root: Path) -> bool:
    """Whether a dataset's caches of store `files` have anything to read from."""
    return (files_folder(dataset_root) / INDEX).is_file()


def cached_short_sides(dataset_root: Path) -> tuple[int, ...]:
    """The short sides that a dataset has a cache for, ascending."""
    folder = dataset_root / "cache"
    found = folder.iterdir() if folder.is_dir() else ()
    has_files = are_files_there(dataset_root)
    sides = (
        int(path.name)
        for path in found
        if path.name.isdecimal() and (has_files or not (path / SHARED).exists())
    )
    return tuple(sorted(sides))


def hex_digests(index: NDArray[np.void]) -> NDArray[np.str_]:
    """Each record's SHA-256, (N,), in hex."""
    text = np.ascontiguousarray(index["sha256"]).tobytes().hex()
    return np.frombuffer(text.encode(), "S64").astype("U64")


def checksum(record: NDArray[np.void] | np.void, data: bytes | memoryview, picture: bytes) -> int:
    """The CRC-32 of a record, but for that field itself, of its bytes and its thumbnail."""
    head = record.tobytes()[: -RECORD["crc32"].itemsize]
    return zlib.crc32(picture, zlib.crc32(data, zlib.crc32(head)))


def damaged_records(folder: Path, store: Store, index: NDArray[np.void]) -> Iterator[int]:
    """Read a cache from its start to its end, and give the rows that are not as written.

    Through a file, not through a map: what was read does not stay in this process's memory.
    """
    size = (folder / DATA[store]).stat().st_size
    with (folder / DATA[store]).open("rb") as data, (folder / THUMBNAILS).open("rb") as small:
        for row, record in enumerate(index):
            start, count = int(record["start"]), int(record["bytes"])
            picture = small.read(SIDE * SIDE)
            if not 0 <= start <= start + count <= size:
                yield row
                continue
            data.seek(start)
            if checksum(record, data.read(count), picture) != record["crc32"]:
                yield row
