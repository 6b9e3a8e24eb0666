"""One read-only tree of files over a folder, a zip, or a folder that holds zips."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from skin.errors import SkinError, name_some

LARGEST = 1 << 30
"""Bytes that one entry may unpack to: no image or table comes near, a zip bomb goes beyond."""


@dataclass(frozen=True)
class Entry:
    """One file of an archive.

    Attributes:
        ref: the path relative to the archive's folder, as `part_1/a.jpg`; for a file in a zip
            `part_1.zip::part_1/a.jpg`.
        size: bytes, unpacked.
        stamp: changes when the content does: the CRC-32 in a zip, the modification time in ns
            in a folder.
    """

    ref: str
    size: int
    stamp: int

    @property
    def path(self) -> PurePosixPath:
        """The path inside the folder or zip that holds the entry."""
        return PurePosixPath(self.ref.rpartition("::")[2])


class Archive:
    """The files under a folder, in a zip, or in the zips under a folder, listed as one tree.

    Dot-files and `__MACOSX` are left out. An archive can be pickled and used after a fork: each
    process opens the zips for itself.

    Raises:
        SkinError: there is no such path, it or a zip below it is no zip archive, or a zip's entry
            escapes (an absolute path, `..`, a drive letter, a symbolic link).
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._zips: dict[tuple[int, Path], zipfile.ZipFile] = {}
        self._members: dict[str, tuple[Path, zipfile.ZipInfo]] = {}
        if not root.exists():
            raise SkinError(f"{root} does not exist; name a folder or a zip archive")
        self.entries = tuple(sorted(self._scan(), key=lambda entry: entry.ref))
        self._by_ref = {entry.ref: entry for entry in self.entries}

    def __len__(self) -> int:
        return len(self.entries)

    def __getstate__(self) -> Mapping[str, Any]:
        return {**self.__dict__, "_zips": {}}

    @property
    def folder(self) -> Path:
        """The folder that every entry's `ref` is relative to."""
        return self.root if self.root.is_dir() else self.root.parent

    def read(self, ref: str) -> bytes:
        """Read one entry whole.

        Raises:
            SkinError: there is no such entry, or it cannot be read or unpacked.
        """
        entry = self._by_ref.get(ref)
        if entry is None:
            raise SkinError(f"{self.root} has no file {ref}")
        if entry.size > LARGEST:
            raise SkinError(f"{ref} unpacks to {entry.size:,} bytes, more than {LARGEST:,}")
        try:
            if ref not in self._members:
                return (self.folder / ref).read_bytes()
            path, member = self._members[ref]
            return self._open_zip(path).read(member)
        except (
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
        ) as error:
            # RuntimeError is how zipfile says that an entry is encrypted.
            raise SkinError(f"cannot read {ref}: {error}") from error

    def fingerprint(self) -> str:
        """A hash of all names, sizes and stamps: cheap, and it changes when the content does."""
        lines = (f"{entry.ref}\t{entry.size}\t{entry.stamp}\n" for entry in self.entries)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def _scan(self) -> Iterator[Entry]:
        if self.root.is_dir():
            yield from self._scan_folder()
        else:
            yield from self._scan_zip(self.root, self.root.name)

    def _scan_folder(self) -> Iterator[Entry]:
        for path in _walk(self.root):
            ref = path.relative_to(self.root).as_posix()
            if path.suffix.lower() == ".zip":
                yield from self._scan_zip(path, ref)
            else:
                status = path.stat()
                yield Entry(ref, status.st_size, status.st_mtime_ns)

    def _scan_zip(self, path: Path, name: str) -> Iterator[Entry]:
        escaping = []
        for member in self._open_zip(path).infolist():
            inner = member.filename.replace("\\", "/")
            if _escapes(inner, member):
                escaping.append(member.filename)
            elif not member.is_dir() and not _is_hidden(PurePosixPath(inner)):
                ref = f"{name}::{inner}"
                self._members[ref] = (path, member)
                yield Entry(ref, member.file_size, member.CRC)
        if escaping:
            raise SkinError(
                f"{path} has entries that point outside of it: {name_some(escaping)}; "
                "it is not safe to use"
            )

    def _open_zip(self, path: Path) -> zipfile.ZipFile:
        # A forked process shares its parent's file position, so each process opens its own.
        key = (os.getpid(), path)
        if key not in self._zips:
            try:
                self._zips[key] = zipfile.ZipFile(path)
            except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
                raise SkinError(
                    f"{path} is not a zip archive that can be read ({error}); "
                    "fetch it again, or name a folder or a zip"
                ) from error
        return self._zips[key]


def _walk(root: Path) -> Iterator[Path]:
    """All visible files under `root`; links to folders are followed, loops are not."""
    seen = {root.resolve()}
    for folder, names, files in os.walk(root, followlinks=True):
        here = Path(folder)
        entered = []
        for name in sorted(names):
            target = (here / name).resolve()
            if not _is_hidden(PurePosixPath(name)) and target not in seen:
                seen.add(target)
                entered.append(name)
        names[:] = entered
        for name in sorted(files):
            path = here / name
            if not _is_hidden(PurePosixPath(name)) and path.is_file():
                yield path


def _is_hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _escapes(name: str, member: zipfile.ZipInfo) -> bool:
    return (
        name.startswith("/")
        or ".." in name.split("/")
        or re.match(r"[A-Za-z]:", name) is not None
        or stat.S_ISLNK(member.external_attr >> 16)
    )
