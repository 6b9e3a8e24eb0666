"""What an archive holds: tables by name and images by id, for any number of files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from skin.data.archive import Archive, Entry
from skin.data.images import IMAGE_SUFFIXES
from skin.data.sources.metadata import image_id, read_csv
from skin.data.sources.tables import Table, tables_there
from skin.errors import SkinError, name_some


class Contents:
    """The tables and the images of an archive.

    The archive is gone through once for all tables and once for the images, without a path object
    for each of 400,000 files.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._tables: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in archive.entries:
            if _suffix(entry) == ".csv":
                self._tables[entry.name.lower()].append(entry)

    def images(self) -> Iterator[Entry]:
        """The image files."""
        return (entry for entry in self.archive.entries if _suffix(entry) in IMAGE_SUFFIXES)

    def find(self, *names: str, only: Collection[str] | None = None) -> Table | None:
        """Find a table by its file name and read it.

        Args:
            names: that it may have, in any case; of several that are there, the first counts.
            only: the columns to keep, where there are many.

        Raises:
            SkinError: two files of one name differ, or the table is no proper CSV.
        """
        copies = next((self._tables[n.lower()] for n in names if n.lower() in self._tables), None)
        if copies is None:
            return None
        data = self.archive.read(copies[0].ref)
        if any(self.archive.read(entry.ref) != data for entry in copies[1:]):
            refs = name_some(entry.ref for entry in copies)
            raise SkinError(
                f"{self.archive.root} has tables that differ: {refs}; keep the one that counts"
            )
        return Table(copies[0].ref, read_csv(data, copies[0].ref, only=only))

    def require(self, *names: str, only: Collection[str] | None = None) -> Table:
        """As `find`, for a table that must be there.

        Raises:
            SkinError: it is not; the message names what is wanted and which tables there are.
        """
        table = self.find(*names, only=only)
        if table is None:
            wanted = " or ".join(names)
            raise SkinError(f"{self.archive.root} has no {wanted}; {tables_there(self.archive)}")
        return table


def ref_by_id(entries: Iterable[Entry], archive: Archive) -> dict[str, str]:
    """The reference of each image by its id, where an archive may hold an image several times.

    A file in a folder goes before one in a container, of which the first by name counts.

    Raises:
        SkinError: two files of an id have different sizes.
    """
    chosen: dict[str, Entry] = {}
    for entry in entries:
        image = image_id(entry.name)
        other = chosen.setdefault(image, entry)
        if other is entry:
            continue
        if other.size != entry.size and other.size and entry.size:  # in HDF5 it is not known
            refs = name_some((other.ref, entry.ref))
            raise SkinError(f"{archive.root} has files for {image} that differ: {refs}")
        chosen[image] = min(other, entry, key=_preference)
    return {image: entry.ref for image, entry in chosen.items()}


def hdf5_hint(archive: Archive) -> str:
    """What to do about HDF5 files in a zip, to follow a message; empty if there are none."""
    inner = [e.name for e in archive.entries if "::" in e.ref and _suffix(e) in {".hdf5", ".h5"}]
    where = f"; unpack the zip first, it holds {name_some(inner)}" if inner else ""
    return f"{where}, which cannot be read in place" if inner else ""


def _suffix(entry: Entry) -> str:
    """The suffix in lower case; `Entry.path.suffix` takes many times as long."""
    _, dot, suffix = entry.name.rpartition(".")
    return f"{dot}{suffix.lower()}"


def _preference(entry: Entry) -> tuple[bool, str]:
    return "::" in entry.ref, entry.ref
