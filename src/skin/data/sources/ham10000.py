"""HAM10000 as Kaggle and the Harvard Dataverse give it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Final

import pandas as pd

from skin.data.archive import Entry
from skin.data.sources import ISIC
from skin.data.sources.contents import find_images, unpack_hint
from skin.data.sources.folders import Owner, owner_of
from skin.data.sources.metadata import normalise
from skin.data.sources.published import PublishedSource
from skin.errors import SkinError

METADATA: Final = ("HAM10000_metadata.csv",)
"""What the table is called by Kaggle; the Dataverse's downloads end with `.tab` or nothing."""

COLUMNS: Final[Mapping[str, str]] = {
    "image_id": "image_id",
    "lesion_id": "lesion_id",
    "dx": "dx",
    "dx_type": "dx_type",
    "age": "age",
    "sex": "sex",
    "site": "localization",
}
"""The table's column for each field."""

_IMAGE_ID = re.compile(r"ISIC_\d{7}")
# The Dataverse keeps masks and the challenge's test images beside the training images.
_OTHER_FILES = re.compile(r"segmentations|isic2018_task3_(validation|test)", re.IGNORECASE)
_AS_CHALLENGE = Owner("isic2018", "train")


@dataclass(frozen=True)
class Ham10000(PublishedSource):
    """HAM10000 from Kaggle's zip, that zip extracted, or the Dataverse's files in a folder.

    Kaggle's archive holds each image in `HAM10000_images_part_1` (or 2) and again in a folder of
    the same name in lower case: the first is taken. Masks, other challenges' images, ISIC 2018's
    validation and test images and the `hmnist_*.csv` are left alone.
    """

    reader: ClassVar[str] = "ham10000"
    namespace: ClassVar[str] = ISIC

    @property
    def missing_hint(self) -> str:
        """Both parts of the images are needed."""
        both = "both HAM10000_images_part_1 and HAM10000_images_part_2 are needed"
        return f"{both}{unpack_hint(self.archive)}"

    def _rows(self) -> pd.DataFrame:
        metadata = self._contents.find(*METADATA)
        if metadata is None:
            raise SkinError(
                f"{self.archive.root} has no HAM10000_metadata (.csv or .tab); name the zip or "
                f"the folder that holds it and the images{unpack_hint(self.archive)}"
            )
        return normalise(metadata.rows, COLUMNS, metadata.name)

    def _files(self) -> Iterator[Entry]:
        return (entry for entry in self._contents.images() if self._may_be_ours(entry))

    def _may_be_ours(self, entry: Entry) -> bool:
        if not _IMAGE_ID.fullmatch(PurePosixPath(entry.name).stem) or _OTHER_FILES.search(
            entry.ref
        ):
            return False
        folder = entry.ref.removesuffix(entry.name)
        owner = owner_of(folder, self.archive.root.name, self.reader)
        return owner in {None, _AS_CHALLENGE}

    def _paths(self, table: pd.DataFrame) -> pd.Series[str]:
        return find_images(table["image_id"], self._files(), self.archive, _preference)


def _preference(entry: Entry) -> tuple[bool, bool, str]:
    return ("HAM10000_images_part_" not in entry.ref, "::" in entry.ref, entry.ref)
