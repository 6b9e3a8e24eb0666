"""What the readers of the ISIC challenges share: splits, their files and their folders."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd

from skin.console import note
from skin.data.archive import Entry
from skin.data.dataset import RAW
from skin.data.sources import ISIC, Split
from skin.data.sources.contents import unpack_hint
from skin.data.sources.folders import FOLDERS, Owner, owner_of
from skin.data.sources.metadata import image_id, normalise
from skin.data.sources.published import PublishedSource
from skin.data.sources.tables import Table, attach, require_same
from skin.errors import SkinError, name_some


@dataclass(frozen=True)
class SplitFiles:
    """What the tables of one split are called as they are published.

    Attributes:
        truth: the table of the labels, names in order of preference; empty if never published.
        metadata: the table of what is known of the patients, likewise.
        columns: its column for each field that it tells. Where it tells the lesions of a training
            set, it must be there.
    """

    truth: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ChallengeSource(PublishedSource):
    """One split of a challenge. What belongs to another split or task is left alone."""

    splits: ClassVar[Mapping[Split, SplitFiles]]
    namespace: ClassVar[str] = ISIC

    @property
    def files(self) -> SplitFiles:
        """The names of the split's tables."""
        return self.splits[self.split]

    @property
    def folder(self) -> str:
        """The official name of the folder, and of the zip, of the split's images."""
        return FOLDERS[self.reader][self.split][0]

    @property
    def missing_hint(self) -> str:
        """Where the images are published."""
        return f"they are published in {self.folder}.zip{unpack_hint(self.archive)}"

    @abstractmethod
    def _labelled(self, truth: Table) -> pd.DataFrame:
        """The truth's rows with their labels, as `normalise` gives them."""

    def _described(self, metadata: Table) -> pd.DataFrame:
        """The metadata's rows, as `normalise` gives them."""
        return normalise(metadata.rows, self.files.columns, metadata.name)

    def _rows(self) -> pd.DataFrame:
        """A row for each image of the truth; if there is none, of the metadata; or of the files."""
        truth, metadata = self._truth(), self._metadata()
        if truth is None:
            return self._unlabelled() if metadata is None else self._described(metadata)
        table = self._labelled(truth)
        if metadata is not None:
            described = self._described(metadata)
            require_same(table, described, ("dx", "lesion_id"), metadata.name, truth.name)
            told = [name for name in self.files.columns if name != "image_id"]
            raw = [f"{name}_raw" for name in told if name in RAW]
            attach(table, described, [*told, *raw], metadata.name)
        return table

    def _truth(self) -> Table | None:
        names = self.files.truth
        if self.split == "train":
            return self._contents.require(*names)
        truth = self._contents.find(*names)
        if names and truth is None:
            there = self._contents.tables_there()
            note(f"there is no {names[0]}: the images have no labels; {there}")
        return truth

    def _metadata(self) -> Table | None:
        names = self.files.metadata
        if self.split == "train" and "lesion_id" in self.files.columns:
            return self._contents.require(*names)
        metadata = self._contents.find(*names)
        if names and metadata is None:
            note(f"there is no {names[0]}: age, sex and site are not known")
        return metadata

    def _unlabelled(self) -> pd.DataFrame:
        """The images themselves, of a split that has no table."""
        own, _ = self._sorted_files()
        if not own:
            wanted = " nor ".join((f"{self.folder}.zip", *self.files.truth[:1]))
            there = self._contents.tables_there()
            raise SkinError(f"{self.archive.root} has neither {wanted}; {there}")
        rows = pd.DataFrame({"image": sorted({image_id(entry.name) for entry in own})})
        return normalise(rows, {"image_id": "image"}, str(self.archive.root))

    def _files(self) -> list[Entry]:
        """The images in a published folder of the split; where there is none, all that may be its.

        These are those that are in no folder that any challenge publishes for another split.
        """
        own, rest = self._sorted_files()
        if own or not rest:
            return own
        folders = sorted({_folder_of(entry) for entry in rest})
        places = name_some(folder.rstrip("/:") or str(self.archive.root) for folder in folders)
        note(f"there is no {self.folder}: the images are taken from {places}")
        return rest

    def _sorted_files(self) -> tuple[list[Entry], list[Entry]]:
        """The images in a published folder of the split, and those that may be of any."""
        own, rest = [], []
        owners: dict[str, Owner | None] = {}  # by folder: there are few
        for entry in self._contents.images():
            folder = _folder_of(entry)
            if folder not in owners:
                owners[folder] = owner_of(folder, self.archive.root.name, self.reader)
            if owners[folder] is None:
                rest.append(entry)
            elif owners[folder] == (self.reader, self.split):
                own.append(entry)
        return own, rest


def _folder_of(entry: Entry) -> str:
    """Where a file lies, with the `/` or `::` before its name."""
    return entry.ref.removesuffix(entry.name)
