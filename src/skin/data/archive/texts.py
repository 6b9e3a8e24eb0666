"""Many short texts in little memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np

_CODING = ("utf-8", "surrogateescape")  # file names need not be text


class Texts(Sequence[str]):
    """Texts as one array of bytes, a text's own and 8 more, instead of an object each."""

    def __init__(self, texts: Iterable[str]) -> None:
        encoded = [text.encode(*_CODING) for text in texts]
        self._bytes = b"".join(encoded)
        self._ends = np.cumsum([len(each) for each in encoded], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self._ends.tolist():
            yield self._bytes[start:end].decode(*_CODING)
            start = end

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        number = range(len(self))[place]  # IndexError as of any sequence
        start = self._ends[number - 1] if number else 0
        return self._bytes[start : self._ends[number]].decode(*_CODING)
