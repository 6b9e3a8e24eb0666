"""What an archive holds: tables by name and images by id, for any number of files."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import PurePosixPath

import pandas as pd

from skin.console import note
from skin.data.archive import Archive, Entry
from skin.data.images import IMAGE_SUFFIXES, is_photograph_name
from skin.data.sources.metadata import image_id, read_csv
from skin.data.sources.tables import Table
from skin.errors import SkinError, name_some, plural

_TABLES = (".csv", ".tab", ".tsv")
_HDF5 = (".hdf5", ".h5")

# A table's first line that holds anything, past a byte-order mark.
_FIRST_LINE = re.compile(rb"[^\r\n\xef\xbb\xbf][^\r\n]*")


class Contents:
    """The tables and the images of an archive.

    The archive is gone through once for all tables and once for the images, without a path object
    for each of 400,000 files but the images'.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._tables: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in archive.entries:
            if _suffix(entry) in {*_TABLES, ""}:
                self._tables[_stem(entry.name)].append(entry)

    def images(self) -> Iterator[Entry]:
        """The image files, without the masks and superpixels that challenges put beside them."""
        return (
            entry
            for entry in self.archive.entries
            if _suffix(entry) in IMAGE_SUFFIXES and is_photograph_name(PurePosixPath(entry.name))
        )

    def holds(self, *names: str) -> bool:
        """Whether there is a table of one of these names."""
        return any(_stem(name) in self._tables for name in names)

    def find(self, *names: str, only: Collection[str] | None = None) -> Table | None:
        """Find a table by its file name and read it.

        Args:
            names: that it may have, in any case; `.csv` stands for `.tab`, `.tsv` and no suffix
                too. Of several that are there, the first counts.
            only: the columns to keep, where there are many.

        Raises:
            SkinError: two files of one name differ, or the table is no proper CSV.
        """
        copies = next((self._tables[_stem(n)] for n in names if self.holds(n)), None)
        return None if copies is None else self._read(copies, only)

    def require(self, *names: str, only: Collection[str] | None = None) -> Table:
        """As `find`, for a table that must be there.

        Raises:
            SkinError: it is not; the message names what is wanted and which tables there are.
        """
        table = self.find(*names, only=only)
        if table is None:
            wanted = " or ".join(names)
            raise SkinError(f"{self.archive.root} has no {wanted}; {self.tables_there()}")
        return table

    def tables_there(self) -> str:
        """Say which tables there are, for a message that one is missing, and where to look."""
        tables = [entry.ref for entry in self.archive.entries if _suffix(entry) in _TABLES]
        found = f"there is {name_some(tables)}" if tables else "there is no table at all"
        hint = unpack_hint(self.archive)
        is_part = not tables or not self.archive.root.is_dir()
        return f"{found}{hint or ('; name the folder that holds tables and images' * is_part)}"

    def _read(self, copies: Sequence[Entry], only: Collection[str] | None) -> Table:
        first, *others = copies
        data = self.archive.read(first.ref)
        if any(self.archive.read(entry.ref) != data for entry in others):
            refs = name_some(entry.ref for entry in copies)
            raise SkinError(
                f"{self.archive.root} has tables that differ: {refs}; keep the one that counts"
            )
        header = _FIRST_LINE.search(data)
        is_tabbed = header is not None and header[0].count(b"\t") > header[0].count(b",")
        separator = "\t" if is_tabbed else ","
        return Table(first.ref, read_csv(data, first.ref, separator, only=only))


def _files_first(entry: Entry) -> tuple[object, ...]:
    return "::" in entry.ref, entry.ref


def find_images(
    ids: pd.Series[str],
    files: Iterable[Entry],
    archive: Archive,
    preference: Callable[[Entry], tuple[object, ...]] = _files_first,
) -> pd.Series[str]:
    """The reference of each row's image; NA where it is not there.

    Images without a row are said, and else left alone.

    Args:
        ids: a table's, each once.
        files: that may be the images.
        archive: that they are in.
        preference: which of equal copies goes first; files before members of containers, then by
            name, if not given.

    Raises:
        SkinError: two files of one of the ids differ.
    """
    copies: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in files:
        copies[image_id(entry.name)].append(entry)
    wanted = set(ids)
    tell_extra(copies.keys() - wanted)
    found: dict[str, str] = {}
    for image in filter(copies.__contains__, wanted):
        first, *others = copies[image]
        if others:
            _require_equal(image, copies[image], archive)
            first = min(copies[image], key=preference)
        found[image] = first.ref
    return ids.map(found)


def tell_extra(names: Collection[str]) -> None:
    """Say which images have no row."""
    if names:
        count = plural(
            len(names), "image has no row and is left out", "images have no row and are left out"
        )
        note(f"{count}: {name_some(sorted(names))}")


def unpack_hint(archive: Archive) -> str:
    """What to do about zips within a zip, to follow a message; empty if there are none."""
    inner = [entry.name for entry in archive.entries if _suffix(entry) == ".zip"]
    return f"; unpack it first, it holds {inner[0]}" if inner else ""


def hdf5_hint(archive: Archive) -> str:
    """What to do about HDF5 files in a zip, to follow a message; empty if there are none."""
    inner = [e.name for e in archive.entries if "::" in e.ref and _suffix(e) in _HDF5]
    where = f"; unpack the zip first, it holds {name_some(inner)}" if inner else ""
    return f"{where}, which cannot be read in place" if inner else ""


def _require_equal(image: str, copies: Sequence[Entry], archive: Archive) -> None:
    """Compare copies by size, then by CRC-32; those in HDF5 tell neither before they are read."""
    sizes = {entry.size for entry in copies if not _is_in_hdf5(entry)}
    sums = {_checksum(e, archive) for e in copies if not _is_in_hdf5(e)} if len(sizes) == 1 else ()
    if len(sizes) > 1 or len(sums) > 1:
        refs = name_some(entry.ref for entry in copies)
        raise SkinError(
            f"{archive.root} has files for {image} that differ: {refs}; keep the one that counts"
        )


def _checksum(entry: Entry, archive: Archive) -> int:
    return entry.stamp if "::" in entry.ref else zlib.crc32(archive.read(entry.ref))


def _is_in_hdf5(entry: Entry) -> bool:
    return entry.ref.partition("::")[0].lower().endswith(_HDF5)


def _stem(name: str) -> str:
    """A table's name in lower case, without suffix."""
    lower = name.lower()
    return next((lower.removesuffix(s) for s in _TABLES if lower.endswith(s)), lower)


def _suffix(entry: Entry) -> str:
    """The suffix in lower case; `Entry.path.suffix` takes many times as long."""
    _, dot, suffix = entry.name.rpartition(".")
    return f"{dot}{suffix.lower()}" if dot else ""
