"""One read-only tree of files over a folder, a zip, an HDF5 file, or a folder that holds such."""

from skin.data.archive.archive import LARGEST, Archive, is_container
from skin.data.archive.entries import Entry

__all__ = ["LARGEST", "Archive", "Entry", "is_container"]
