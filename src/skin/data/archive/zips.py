"""The files in a zip."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from skin.data.archive.entries import Entry
from skin.data.archive.folder import is_hidden
from skin.errors import SkinError, name_some

_MEMBER = np.dtype([("offset", "i8"), ("packed", "i8"), ("method", "u2"), ("encrypted", "?")])
_ENCRYPTED = 0x1  # of a member's flags

# A local header, which lies before a member's data (APPNOTE.TXT 4.3.7): its signature, and the
# lengths of the name and the extra field that follow it.
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_SIGNATURE = b"PK\x03\x04"

# What zipfile raises on damaged members, and on those packed in a way that it does not know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError)


class Zip:
    """A zip, whose directory is read once.

    What is kept of a member is a few numbers in an array, and its data are read at their offset:
    neither does a forked process read the directory again, nor do readers share a position.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members = np.empty(0, _MEMBER)

    def listing(self, name: str) -> list[Entry]:
        """List the visible files; of two of one name the last one counts.

        Args:
            name: the zip's own, before the `::` of each `ref`.

        Raises:
            SkinError: it is no zip, or a member escapes: an absolute path, `..`, a drive letter,
                a symbolic link.
        """
        members = {member.filename.replace("\\", "/"): member for member in self._directory()}
        escaping = [m.filename for inner, m in members.items() if _escapes(inner, m)]
        if escaping:
            raise SkinError(
                f"{self._path} has entries that point outside of it: {name_some(escaping)}; "
                "it is not safe to use"
            )
        files = [
            (inner, member)
            for inner, member in members.items()
            if not member.is_dir() and not is_hidden(inner)
        ]
        self._members = np.array(
            [
                (m.header_offset, m.compress_size, m.compress_type, m.flag_bits & _ENCRYPTED)
                for _, m in files
            ],
            _MEMBER,
        )
        return [Entry(f"{name}::{inner}", m.file_size, m.CRC) for inner, m in files]

    def _directory(self) -> list[zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(self._path) as file:
                return file.infolist()
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise SkinError(
                f"{self._path} is not a zip archive that can be read ({error}); "
                "fetch it again, or name a folder or a zip"
            ) from error

    def read(self, entry: Entry, number: int, largest: int) -> bytes:
        """Unpack a member and check its CRC-32; see `Container.read`."""
        if entry.size > largest:
            raise OSError(f"it unpacks to {entry.size:,} bytes, more than {largest:,}")
        try:
            return self._unpack(entry, number)
        except _DAMAGED as error:
            raise OSError(str(error) or "it is cut off") from error

    def _unpack(self, entry: Entry, number: int) -> bytes:
        offset, packed, method, encrypted = self._members[number].item()
        if encrypted:
            raise OSError("it is encrypted; unpack the zip with its password first")
        member = zipfile.ZipInfo(entry.name)
        member.compress_type, member.compress_size = method, packed
        member.file_size, member.CRC = entry.size, entry.stamp
        with self._path.open("rb") as file:
            file.seek(offset)
            signature, *lengths = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
            if signature != _SIGNATURE:
                raise zipfile.BadZipFile("the zip is not what it was when it was listed")
            file.seek(sum(lengths), io.SEEK_CUR)
            with zipfile.ZipExtFile(file, "r", member) as unpacked:
                data = unpacked.read()
        if len(data) != entry.size:
            raise zipfile.BadZipFile("it is cut off")
        return data


def _escapes(name: str, member: zipfile.ZipInfo) -> bool:
    return (
        name.startswith("/")
        or ".." in name.split("/")
        or re.match(r"[A-Za-z]:", name) is not None
        or stat.S_ISLNK(member.external_attr >> 16)
    )
