"""What the readers of archives without splits share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from skin.console import note
from skin.data.archive import Archive
from skin.data.sources import Split
from skin.data.sources.contents import Contents, ref_by_id
from skin.data.sources.tables import unpack_hint
from skin.data.sources.terms import TERMS
from skin.errors import name_some


@dataclass(frozen=True)
class WholeSource(ABC):
    """An archive that is published whole: its files in one folder, zips as they are or unpacked.

    Files are found by name, in any case, anywhere below the folder.

    Attributes:
        archive: the folder, or one zip that holds all.
    """

    archive: Archive
    reader: ClassVar[str]
    split: ClassVar[Split] = "train"
    namespace: ClassVar[str] = ""

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
        """The archive's own: there are no options."""
        return self.archive.fingerprint()

    def read(self) -> pd.DataFrame:
        """Read the table and find each image; see `Source.read`."""
        contents = Contents(self.archive)
        table = self._rows(contents).reset_index(drop=True)
        table["path"] = self._paths(table, contents)
        return table.assign(source=self.reader, split=self.split)

    @abstractmethod
    def _rows(self, contents: Contents) -> pd.DataFrame:
        """The table as `normalise` gives it."""

    def _paths(self, table: pd.DataFrame, contents: Contents) -> pd.Series[str]:
        """The reference of each row's image; images without a row are said."""
        images = ref_by_id(contents.images(), self.archive)
        tell_extra(images, table["image_id"])
        return table["image_id"].map(images)


def tell_extra(images: Mapping[str, str], ids: pd.Series[str]) -> None:
    """Say which images have no row."""
    extra = sorted(images.keys() - set(ids))
    if extra:
        note(f"{len(extra):,} images have no row and are left out: {name_some(extra)}")
