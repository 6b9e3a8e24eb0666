"""HAM10000 as Kaggle and the Harvard Dataverse give it."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from skin.console import note
from skin.data.archive import Archive, Entry
from skin.data.images import is_image_name
from skin.data.sources import ISIC, Split
from skin.data.sources.metadata import normalise, read_csv
from skin.errors import SkinError

LICENCE = "CC BY-NC 4.0"
CITATION = (
    "P. Tschandl, C. Rosendahl, H. Kittler. The HAM10000 dataset, a large collection of "
    "multi-source dermatoscopic images of common pigmented skin lesions. "
    "Scientific Data 5:180161 (2018). doi:10.1038/sdata.2018.161"
)

_METADATA = re.compile(r"ham10000_metadata(\.csv|\.tab|\.tsv)?", re.IGNORECASE)
_IMAGE_ID = re.compile(r"ISIC_\d{7}")
# The Dataverse keeps masks and the challenge's test images beside the training images.
_OTHER_FILES = re.compile(r"segmentations|isic2018_task3_test", re.IGNORECASE)
_COLUMNS = {
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
    the same name in lower case: the first is taken. Masks, the challenge's test images and the
    `hmnist_*.csv` are left alone.
    """

    archive: Archive
    reader: ClassVar[str] = "ham10000"
    licence: ClassVar[str] = LICENCE
    citation: ClassVar[str] = CITATION
    split: ClassVar[Split] = "train"
    namespace: ClassVar[str] = ISIC

    def fingerprint(self) -> str:
        """The archive's own: there are no options."""
        return self.archive.fingerprint()

    def read(self) -> pd.DataFrame:
        """Read the metadata and find each image; see `Source.read`."""
        metadata = self._metadata()
        data = self.archive.read(metadata.ref)
        tabbed = b"\t" in data.partition(b"\n")[0]
        raw = read_csv(data, metadata.ref, "\t" if tabbed else ",")
        table = normalise(raw, _COLUMNS, metadata.ref)
        images = self._images()
        table["path"] = table["image_id"].map(images)
        extra = len(images.keys() - set(table["image_id"]))
        if extra:
            note(f"{extra} images have no row in {metadata.ref} and are left out")
        return table.assign(source=self.reader, split=self.split)

    @property
    def missing_hint(self) -> str:
        """Both parts of the images are needed."""
        return f"both HAM10000_images_part_1 and HAM10000_images_part_2 are needed{self._hint()}"

    def _metadata(self) -> Entry:
        found = [e for e in self.archive.entries if _METADATA.fullmatch(e.path.name)]
        if not found:
            raise SkinError(
                f"{self.archive.root} has no HAM10000_metadata (.csv or .tab); "
                f"name the zip or the folder that holds it and the images{self._hint()}"
            )
        if len({self.archive.read(entry.ref) for entry in found}) > 1:
            names = ", ".join(entry.ref for entry in found)
            raise SkinError(f"{self.archive.root} has metadata files that differ: {names}")
        return found[0]

    def _images(self) -> dict[str, str]:
        """The reference of each image by its id."""
        copies: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.archive.entries:
            path = entry.path
            if (
                is_image_name(path)
                and _IMAGE_ID.fullmatch(path.stem)
                and not _OTHER_FILES.search(entry.ref)
            ):
                copies[path.stem].append(entry)
        for image, entries in copies.items():
            if len({entry.size for entry in entries}) > 1:
                names = ", ".join(entry.ref for entry in entries)
                raise SkinError(f"{self.archive.root} has files for {image} that differ: {names}")
        return {image: min(entries, key=_preference).ref for image, entries in copies.items()}

    def _hint(self) -> str:
        """What to do about zips within a zip, which the Dataverse's whole download is."""
        inner = [e for e in self.archive.entries if e.path.suffix.lower() == ".zip"]
        return f"; unpack it first, it holds {inner[0].path.name}" if inner else ""


def _preference(entry: Entry) -> tuple[bool, bool, str]:
    return ("HAM10000_images_part_" not in entry.ref, "::" in entry.ref, entry.ref)
