"""HAM10000 as Kaggle and the Harvard Dataverse give it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import pandas as pd

from skin.console import note
from skin.data.archive import Archive, Entry
from skin.data.images import is_image_name
from skin.data.sources import ISIC, Split
from skin.data.sources.challenge import one_file_each
from skin.data.sources.metadata import normalise
from skin.data.sources.tables import Table, read_table, unpack_hint
from skin.data.sources.terms import TERMS
from skin.errors import SkinError

METADATA: Final = (
    "HAM10000_metadata.csv",
    "HAM10000_metadata.tab",
    "HAM10000_metadata.tsv",
    "HAM10000_metadata",
)
"""What the table is called: by Kaggle, and by the Dataverse's downloads."""

_NAMES = frozenset(name.lower() for name in METADATA)
_IMAGE_ID = re.compile(r"ISIC_\d{7}")
# The Dataverse keeps masks and the challenge's test images beside the training images.
_OTHER_FILES = re.compile(r"segmentations|isic2018_task3_(validation|test)", re.IGNORECASE)
_COLUMNS: Mapping[str, str] = {
    "image_id": "image_id",
    "lesion_id": "lesion_id",
    "dx": "dx",
    "dx_type": "dx_type",
    "age": "age",
    "sex": "sex",
    "site": "localization",
}


@dataclass(frozen=True)
class Ham10000:
    """HAM10000 from Kaggle's zip, that zip extracted, or the Dataverse's files in a folder.

    Kaggle's archive holds each image in `HAM10000_images_part_1` (or 2) and again in a folder of
    the same name in lower case: the first is taken. Masks, the challenge's validation and test
    images and the `hmnist_*.csv` are left alone.
    """

    archive: Archive
    reader: ClassVar[str] = "ham10000"
    licence: ClassVar[str] = TERMS["ham10000"].licence
    citation: ClassVar[str] = TERMS["ham10000"].citation
    split: ClassVar[Split] = "train"
    namespace: ClassVar[str] = ISIC

    def fingerprint(self) -> str:
        """The archive's own: there are no options."""
        return self.archive.fingerprint()

    def read(self) -> pd.DataFrame:
        """Read the metadata and find each image; see `Source.read`."""
        metadata = self._metadata()
        table = normalise(metadata.rows, _COLUMNS, metadata.name)
        images = one_file_each(filter(_is_lesion, self.archive.entries), self.archive, _preference)
        table["path"] = table["image_id"].map(images)
        extra = len(images.keys() - set(table["image_id"]))
        if extra:
            note(f"{extra} images have no row in {metadata.name} and are left out")
        return table.assign(source=self.reader, split=self.split)

    @property
    def missing_hint(self) -> str:
        """Both parts of the images are needed."""
        both = "both HAM10000_images_part_1 and HAM10000_images_part_2 are needed"
        return f"{both}{unpack_hint(self.archive)}"

    def _metadata(self) -> Table:
        found = [entry for entry in self.archive.entries if entry.path.name.lower() in _NAMES]
        if not found:
            raise SkinError(
                f"{self.archive.root} has no HAM10000_metadata (.csv or .tab); name the zip or "
                f"the folder that holds it and the images{unpack_hint(self.archive)}"
            )
        return read_table(self.archive, found)


def _is_lesion(entry: Entry) -> bool:
    path = entry.path
    return (
        is_image_name(path)
        and _IMAGE_ID.fullmatch(path.stem) is not None
        and not _OTHER_FILES.search(entry.ref)
    )


def _preference(entry: Entry) -> tuple[bool, bool, str]:
    return ("HAM10000_images_part_" not in entry.ref, "::" in entry.ref, entry.ref)
