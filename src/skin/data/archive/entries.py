"""What an archive lists: any number of files, in some 100 bytes each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple, overload

import numpy as np

from skin.data.archive.texts import Texts


class Entry(NamedTuple):
    """One file of an archive.

    Attributes:
        ref: the path relative to the archive's folder, as `part_1/a.jpg`; for a file in a
            container, a zip or an HDF5 file, `part_1.zip::part_1/a.jpg`.
        size: bytes, unpacked; 0 in an HDF5 file, where it is known only once it is read.
        stamp: changes when the content does: the CRC-32 in a zip; in a folder the modification
            time in ns, and in an HDF5 file that of the whole file.
    """

    ref: str
    size: int
    stamp: int

    @property
    def path(self) -> PurePosixPath:
        """The path inside the folder or container that holds the entry."""
        return PurePosixPath(self.ref.rpartition("::")[2])

    @property
    def name(self) -> str:
        """The file's name, many times quicker than `path.name`."""
        return self.ref.rpartition("::")[2].rpartition("/")[2]


class Entries(Sequence[Entry]):
    """Entries in order of their `ref`, which is that of one entry only.

    They are kept as arrays and made when they are asked for: processes share arrays with the one
    that forked them, where they would copy each object that they look at.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._refs = Texts(entry.ref for entry in entries)
        self._sizes = np.array([entry.size for entry in entries], np.int64)
        self._stamps = np.array([entry.stamp for entry in entries], np.int64)

    def __len__(self) -> int:
        return len(self._refs)

    def __iter__(self) -> Iterator[Entry]:
        columns = (self._refs, self._sizes.tolist(), self._stamps.tolist())
        return map(Entry._make, zip(*columns, strict=True))

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> list[Entry]: ...
    def __getitem__(self, place: int | slice) -> Entry | list[Entry]:
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        return Entry(self._refs[place], int(self._sizes[place]), int(self._stamps[place]))

    def find(self, ref: str) -> int | None:
        """The place of the entry of that `ref`; None if there is none."""
        place = bisect_left(self._refs, ref)
        return place if place < len(self) and self._refs[place] == ref else None
