"""Any folder or zip of images, with a CSV whose columns the user names."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pandas as pd

from skin.console import note, warn
from skin.data.archive import Archive
from skin.data.images import IMAGE_SUFFIXES, is_image_name
from skin.data.sources import Split
from skin.data.sources.contents import tell_extra
from skin.data.sources.metadata import fill_lesions, image_id, name_rows, normalise, read_csv
from skin.errors import SkinError, name_some


@dataclass(frozen=True)
class Columns:
    """The CSV's column for each field; None where it has none."""

    image_id: str = "image_id"
    dx: str = "dx"
    lesion_id: str | None = None
    patient_id: str | None = None
    dx_type: str | None = None
    age: str | None = None
    sex: str | None = None
    site: str | None = None

    def given(self) -> dict[str, str]:
        """The fields that the CSV has, with their columns."""
        return {field: column for field, column in asdict(self).items() if column is not None}


@dataclass(frozen=True)
class CsvSource:
    """Images with a CSV that names them, by file name or path, with or without suffix.

    Attributes:
        archive: the images, in any sub-folder.
        metadata: the CSV file.
        columns: its columns.
        licence: under which the images may be used.
        citation: what to cite.
    """

    archive: Archive
    metadata: Path
    columns: Columns
    licence: str = "not stated"
    citation: str = "not stated"
    reader: ClassVar[str] = "csv"
    split: ClassVar[Split] = "train"
    namespace: ClassVar[str] = ""
    missing_hint: ClassVar[str] = ""

    def fingerprint(self) -> str:
        """Of the images' listing, the CSV's content and the columns."""
        parts = [
            self.archive.fingerprint(),
            hashlib.sha256(self._data()).hexdigest(),
            json.dumps(asdict(self.columns), sort_keys=True),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def read(self) -> pd.DataFrame:
        """Read the metadata and find each image; see `Source.read`."""
        name = str(self.metadata)
        raw = read_csv(self._data(), name)
        table = normalise(raw, self.columns.given(), name)
        table["path"] = self._find(raw[self.columns.image_id], name)
        if self.columns.lesion_id is None:
            warn(
                "no --lesion-column: each image counts as a lesion of its own, so images of one "
                "lesion may end up in different folds"
            )
        alone = fill_lesions(table)
        if alone and self.columns.lesion_id is not None:
            note(
                f"{alone:,} of {len(table):,} images have no {self.columns.lesion_id}: each counts "
                "as a lesion of its own"
            )
        tell_extra(set(self._images()) - set(table["path"]))
        return table.assign(source=self.reader, split=self.split)

    def _data(self) -> bytes:
        try:
            return self.metadata.read_bytes()
        except OSError as error:
            raise SkinError(f"cannot read {self.metadata}: {error.strerror}") from error

    def _images(self) -> list[str]:
        return [entry.ref for entry in self.archive.entries if is_image_name(entry.path)]

    def _find(self, names: pd.Series[str], csv: str) -> pd.Series[str]:
        """The reference of the image that each row names."""
        by_id: defaultdict[str, list[str]] = defaultdict(list)
        for ref in self._images():
            by_id[image_id(ref.rpartition("::")[2])].append(ref)
        found = names.map(lambda name: [ref for ref in by_id[image_id(name)] if _fits(ref, name)])
        count = found.map(len)
        several = names.index[count > 1]
        if len(several):
            row = several[0]
            raise SkinError(
                f"{csv}, {name_rows(several[:1])}: '{names[row]}' could be any of "
                f"{name_some(found[row])}; give its path in the CSV"
            )
        return found.str[0]


def _fits(ref: str, name: str) -> bool:
    """Whether a row's image name, which may have folders and a suffix, means that file."""
    path = PurePosixPath(ref.rpartition("::")[2])
    wanted = PurePosixPath(name.replace("\\", "/"))
    if wanted.suffix.lower() not in IMAGE_SUFFIXES:
        path = path.with_suffix("")
    return path.parts[-len(wanted.parts) :] == wanted.parts
