"""Folders, zips and HDF5 files, listed and read alike."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from skin.data.archive.entries import Entries, Entry
from skin.data.archive.folder import Folder
from skin.data.archive.zips import Zip
from skin.errors import SkinError

if TYPE_CHECKING:
    from skin.data.archive.hdf5 import Hdf5

LARGEST: Final = 1 << 30
"""Bytes that one entry may unpack to: no image or table comes near, a zip bomb goes beyond."""

_HDF5 = (".hdf5", ".h5")
_SUFFIXES = (".zip", *_HDF5)


class Container(Protocol):
    """What holds files; several threads, and processes after a fork, may read at once."""

    def read(self, entry: Entry, number: int, largest: int) -> bytes:
        """Read a file whole.

        Args:
            entry: the file.
            number: its place in the container's own listing.
            largest: the bytes that it may unpack to.

        Raises:
            OSError: it is larger, or cannot be read or unpacked.
        """


class Archive:
    """The files under a folder, in a zip or HDF5 file, or in such under a folder, as one tree.

    Dot-files and `__MACOSX` are left out. An archive can be pickled and used after a fork; what
    it holds is a few arrays of some 100 bytes a file, which a forked process shares.

    Attributes:
        root: the folder, zip or HDF5 file.
        entries: the files, in the order of their `ref`.

    Raises:
        SkinError: there is no such path; it or a container below it is damaged, no such
            container, or has entries that point outside of it.
    """

    def __init__(self, root: Path) -> None:
        if not root.exists():
            raise SkinError(f"{root} does not exist; name a folder or a zip archive")
        self.root = root.resolve()
        self._containers: list[Container] = []
        listed = sorted(self._list(), key=lambda found: found[0].ref)
        self.entries = Entries([entry for entry, _, _ in listed])
        self._home = np.array([home for _, home, _ in listed], np.int32)
        self._number = np.array([number for _, _, number in listed], np.int32)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def folder(self) -> Path:
        """The folder that every entry's `ref` is relative to."""
        return self.root if self.root.is_dir() else self.root.parent

    def read(self, ref: str) -> bytes:
        """Read one entry whole.

        Raises:
            SkinError: there is no such entry, or it cannot be read or unpacked.
        """
        place = self.entries.find(ref)
        if place is None:
            raise SkinError(f"{self.root} has no file {ref}")
        container = self._containers[int(self._home[place])]
        try:
            return container.read(self.entries[place], int(self._number[place]), LARGEST)
        except OSError as error:
            raise SkinError(f"cannot read {ref}: {error}") from error

    def fingerprint(self) -> str:
        """A hash of all names, sizes and stamps: cheap, and it changes when the content does."""
        digest = hashlib.sha256()
        for entry in self.entries:
            line = f"{entry.ref}\t{entry.size}\t{entry.stamp}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _list(self) -> Iterator[tuple[Entry, int, int]]:
        """Each entry with the place of its container, and its own place in that."""
        if not self.root.is_dir():
            yield from self._list_container(self.root, self.root.name)
            return
        folder = Folder(self.root)
        home = self._add(folder)
        for number, entry in enumerate(folder.listing()):
            if is_container(entry.ref):
                yield from self._list_container(self.root / entry.ref, entry.ref)
            else:
                yield entry, home, number

    def _list_container(self, path: Path, name: str) -> Iterator[tuple[Entry, int, int]]:
        container = _open_container(path)
        home = self._add(container)
        for number, entry in enumerate(container.listing(name)):
            yield entry, home, number

    def _add(self, container: Container) -> int:
        self._containers.append(container)
        return len(self._containers) - 1


def is_container(path: PurePath | str) -> bool:
    """Whether the file's suffix is one of those that hold files."""
    return str(path).lower().endswith(_SUFFIXES)


def _open_container(path: Path) -> Zip | Hdf5:
    if not str(path).lower().endswith(_HDF5):
        return Zip(path)
    from skin.data.archive.hdf5 import Hdf5  # noqa: PLC0415 - h5py is slow to import, rarely needed

    return Hdf5(path)
