"""What the readers of the ISIC challenges share: splits, and images found by name."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd

from skin.console import note
from skin.data.archive import Archive, Entry
from skin.data.dataset import RAW
from skin.data.images import is_photograph_name
from skin.data.sources import ISIC, Split
from skin.data.sources.metadata import image_id, normalise
from skin.data.sources.tables import (
    Table,
    attach,
    find_table,
    require_table,
    tables_there,
    unpack_hint,
)
from skin.data.sources.terms import TERMS
from skin.errors import SkinError, name_some


@dataclass(frozen=True)
class SplitFiles:
    """What the files of one split are called as they are published.

    Attributes:
        folders: of the images, the official name first: a zip without its suffix, or a folder.
        truth: the table of the labels, names in order of preference; empty if never published.
        metadata: the table of what is known of the patients, likewise.
        columns: its column for each field that it tells.
    """

    folders: tuple[str, ...]
    truth: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ChallengeSource(ABC):
    """One split of a challenge: the published files in one folder, zips as they are or unpacked.

    Files are found by name, in any case, anywhere below the folder. What belongs to another split
    or task is left alone.

    Attributes:
        archive: the folder of the downloads.
        split: of the challenge.

    Raises:
        SkinError: the challenge has no such split.
    """

    archive: Archive
    split: Split = "train"
    reader: ClassVar[str]
    splits: ClassVar[Mapping[Split, SplitFiles]]
    namespace: ClassVar[str] = ISIC

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
    def files(self) -> SplitFiles:
        """The names of the split's files."""
        return self.splits[self.split]

    @property
    def missing_hint(self) -> str:
        """Where the images are published."""
        return f"they are published in {self.files.folders[0]}.zip{unpack_hint(self.archive)}"

    def fingerprint(self) -> str:
        """Of the archive and the split."""
        return hashlib.sha256(f"{self.archive.fingerprint()} {self.split}".encode()).hexdigest()

    def read(self) -> pd.DataFrame:
        """Read the tables and find each image; see `Source.read`."""
        images = self._images()
        table = self._rows(images).reset_index(drop=True)
        table["path"] = table["image_id"].map(images)
        extra = sorted(images.keys() - set(table["image_id"]))
        if extra:
            note(f"{len(extra):,} images have no row and are left out: {name_some(extra)}")
        return table.assign(source=self.reader, split=self.split)

    @abstractmethod
    def _labelled(self, truth: Table) -> pd.DataFrame:
        """The truth's rows with their labels, as `normalise` gives them."""

    def _described(self, metadata: Table) -> pd.DataFrame:
        """The metadata's rows, as `normalise` gives them."""
        return normalise(metadata.rows, self.files.columns, metadata.name)

    def _rows(self, images: Mapping[str, str]) -> pd.DataFrame:
        """A row for each image of the truth; if there is none, of the metadata; or of `images`."""
        find = require_table if self.split == "train" else find_table
        truth = find(self.archive, self.files.truth)
        metadata = find_table(self.archive, self.files.metadata)
        if self.files.metadata and metadata is None:
            note(f"there is no {self.files.metadata[0]}: age, sex and site are not known")
        if truth is None:
            return self._unlabelled(images) if metadata is None else self._described(metadata)
        table = self._labelled(truth)
        if metadata is not None:
            told = [name for name in self.files.columns if name != "image_id"]
            raw = [f"{name}_raw" for name in told if name in RAW]
            attach(table, self._described(metadata), [*told, *raw], metadata.name)
            table["lesion_id"] = table["lesion_id"].fillna(table["image_id"])
        return table

    def _unlabelled(self, images: Mapping[str, str]) -> pd.DataFrame:
        """The images themselves, of a split that has no table."""
        if not any(self._is_in(ref, self.files.folders) for ref in images.values()):
            wanted = " nor ".join((f"{self.files.folders[0]}.zip", *self.files.truth[:1]))
            raise SkinError(
                f"{self.archive.root} has neither {wanted}; {tables_there(self.archive)}"
            )
        rows = pd.DataFrame({"image": sorted(images)})
        return normalise(rows, {"image_id": "image"}, str(self.archive.root))

    def _images(self) -> dict[str, str]:
        """The reference of each of the split's images by its id.

        Those in a published folder of the split; where there is none, those that are in no folder
        that the challenge publishes for another split.
        """
        lesions = [entry for entry in self.archive.entries if is_photograph_name(entry.path)]
        own = [e for e in lesions if self._is_in(e.ref, self.files.folders)]
        others = [folder for files in self.splits.values() for folder in files.folders]
        rest = (e for e in lesions if not self._is_in(e.ref, others))
        return one_file_each(own or rest, self.archive)

    def _is_in(self, ref: str, folders: Iterable[str]) -> bool:
        where = f"/{self.archive.root.name}/{ref}".lower()
        where = where.replace(".zip::", "/").replace(".zip/", "/")
        return any(f"/{folder.lower()}/" in where for folder in folders)


def one_file_each(
    entries: Iterable[Entry],
    archive: Archive,
    preference: Callable[[Entry], tuple[object, ...]] = lambda entry: (
        "::" in entry.ref,
        entry.ref,
    ),
) -> dict[str, str]:
    """The reference of each image by its id, where an archive may hold an image several times.

    Args:
        entries: the images' files.
        archive: that they are in.
        preference: which copy goes first; files before members of zips if not given.

    Raises:
        SkinError: two files of an id have different sizes.
    """
    copies: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        copies[image_id(entry.path.name)].append(entry)
    for image, files in copies.items():
        if len({file.size for file in files}) > 1:
            names = name_some(file.ref for file in files)
            raise SkinError(f"{archive.root} has files for {image} that differ: {names}")
    return {image: min(files, key=preference).ref for image, files in copies.items()}
