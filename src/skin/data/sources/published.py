"""What the readers of published layouts share."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

import pandas as pd

from skin.console import note
from skin.data.archive import Archive, Entry
from skin.data.sources import Split
from skin.data.sources.contents import Contents, find_images, unpack_hint
from skin.data.sources.metadata import fill_lesions
from skin.data.sources.terms import TERMS
from skin.errors import SkinError

_WHOLE: Final[tuple[Split, ...]] = ("train",)


@dataclass(frozen=True)
class PublishedSource(ABC):
    """An archive as its publisher gives it: its files in one folder, zips as they are or unpacked.

    Files are found by name, in any case, anywhere below the folder.

    Attributes:
        archive: the folder, or one zip that holds all.
        split: of the challenge; what is published whole is to be trained on.

    Raises:
        SkinError: there is no such split.
    """

    archive: Archive
    split: Split = "train"
    reader: ClassVar[str]
    splits: ClassVar[Collection[Split]] = _WHOLE
    namespace: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if self.split not in self.splits:
            raise SkinError(
                f"{TERMS[self.reader].title} has no split '{self.split}'; "
                f"take {' or '.join(self.splits)}"
            )

    @property
    def licence(self) -> str:
        """Under which the images may be used."""
        return TERMS[self.reader].licence

    @property
    def citation(self) -> str:
        """What to cite."""
        return TERMS[self.reader].citation

    @property
    def missing_hint(self) -> str:
        """What to do about zips within a zip."""
        return unpack_hint(self.archive).removeprefix("; ")

    def fingerprint(self) -> str:
        """Of the archive and the split."""
        return hashlib.sha256(f"{self.archive.fingerprint()} {self.split}".encode()).hexdigest()

    def read(self) -> pd.DataFrame:
        """Read the tables and find each image; see `Source.read`."""
        table = self._rows().reset_index(drop=True)
        alone = fill_lesions(table)
        if alone and self.split == "train":
            note(
                f"{alone:,} of {len(table):,} images have no lesion_id: each counts as a lesion "
                "of its own"
            )
        table["path"] = self._paths(table)
        return table.assign(source=self.reader, split=self.split)

    @cached_property
    def _contents(self) -> Contents:
        return Contents(self.archive)

    @abstractmethod
    def _rows(self) -> pd.DataFrame:
        """The table as `normalise` gives it."""

    def _files(self) -> Iterable[Entry]:
        """The files among which the images are."""
        return self._contents.images()

    def _paths(self, table: pd.DataFrame) -> pd.Series[str]:
        """The reference of each row's image; images without a row are said."""
        return find_images(table["image_id"], self._files(), self.archive)
