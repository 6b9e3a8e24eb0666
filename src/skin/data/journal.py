"""What was read of a source so far: a line an image, kept through a kill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, BinaryIO, Self

import pandas as pd

from skin.data.images import BadImageError
from skin.data.scan import Facts, Result

_REASON = "reason"


class Journal:
    """The facts of each image that was read, or why it cannot be used, in the order of reading.

    None of it is held in memory while images are read.

    Args:
        path: of the file, which is gone on with if it is there.
        good: how many usable images are cached. What was noted beyond them is cut off, as is
            what a kill left unfinished.

    Attributes:
        count: images noted.
        good: those of them that can be used.
    """

    def __init__(self, path: Path, good: int) -> None:
        self._path = path
        self.count = self.good = 0
        end = 0
        for line in _lines(path):
            value = _parse(line)
            is_good = value is not None and _REASON not in value
            if value is None or self.good + is_good > good:
                break
            self.count += 1
            self.good += is_good
            end += len(line)
        self._file: BinaryIO = path.open("ab")
        self._file.truncate(end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, image: Result) -> None:
        """Note the next image."""
        is_bad = isinstance(image, BadImageError)
        value = {_REASON: image.reason} if isinstance(image, BadImageError) else asdict(image.facts)
        self._file.write(json.dumps(value).encode() + b"\n")
        self._file.flush()
        self.count += 1
        self.good += not is_bad

    def facts(self) -> pd.DataFrame:
        """The facts of the usable images; the index is the image's place in the order."""
        columns: dict[str, list[object]] = {field.name: [] for field in fields(Facts)}
        places = []
        for place, value in self._values():
            if _REASON not in value:
                places.append(place)
                for name, values in columns.items():
                    values.append(value[name])
        return pd.DataFrame(columns, index=places)

    def bad(self) -> dict[int, str]:
        """Why the others cannot be used, by their place in the order."""
        return {place: value[_REASON] for place, value in self._values() if _REASON in value}

    def _values(self) -> Iterator[tuple[int, dict[str, Any]]]:
        return enumerate(json.loads(line) for line in _lines(self._path))


def _lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from file


def _parse(line: bytes) -> dict[str, Any] | None:
    """Read a line, unless it is not whole."""
    try:
        value: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return value if line.endswith(b"\n") else None
