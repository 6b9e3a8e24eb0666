"""The files under a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from skin.data.archive.entries import Entry


class Folder:
    """The visible files under a folder; links to folders are followed, loops are not."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def listing(self) -> Iterator[Entry]:
        """List all files, containers too."""
        seen = {self._root.resolve()}
        for folder, names, files in os.walk(self._root, followlinks=True):
            here = Path(folder)
            entered = []
            for name in sorted(names):
                target = (here / name).resolve()
                if not is_hidden(name) and target not in seen:
                    seen.add(target)
                    entered.append(name)
            names[:] = entered
            place = here.relative_to(self._root).as_posix()
            prefix = "" if place == "." else f"{place}/"
            for name in files:
                if not is_hidden(name) and (status := _status(here / name)):
                    yield Entry(f"{prefix}{name}", status.st_size, status.st_mtime_ns)

    def read(self, entry: Entry, number: int, largest: int) -> bytes:
        """Read a file; see `Container.read`."""
        del number
        if entry.size > largest:
            raise OSError(f"it has {entry.size:,} bytes, more than {largest:,}")
        return (self._root / entry.ref).read_bytes()


def is_hidden(path: str) -> bool:
    """Whether a part of the path is a dot-file or what macOS leaves in a zip."""
    return any(
        (part.startswith(".") and part != ".") or part == "__MACOSX" for part in path.split("/")
    )


def _status(path: Path) -> os.stat_result | None:
    """A file's status; None of what is no file, as a dangling link."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None
