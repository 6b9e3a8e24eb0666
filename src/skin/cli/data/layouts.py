"""The layouts that `skin data add` reads as they are published, and what it says of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SHORT_SIDE = 256
"""Pixels, where a layout's images are no smaller."""


class SplitName(StrEnum):
    """A challenge's split."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class StoreName(StrEnum):
    """What the cache keeps of an image."""

    PIXELS = "pixels"
    FILES = "files"


@dataclass(frozen=True)
class Layout:
    """A published layout and the command that adds it.

    Attributes:
        command: its name.
        reader: module below `skin.data.sources` and class.
        title: what is added.
        about: what there is to know of it, a sentence or two.
        example: the source in the examples.
        name: the dataset's, if it is not the command's.
        has_splits: whether it has others than training images.
        short_side: default.
        store: default; none leaves it to `add_dataset`.
    """

    command: str
    reader: tuple[str, str]
    title: str
    about: str
    example: str = "downloads"
    name: str = ""
    has_splits: bool = True
    short_side: int = SHORT_SIDE
    store: StoreName | None = None

    def help(self) -> str:
        """The command's help: what it does, and examples."""
        start = f"skin data add {self.command} {self.example}"
        further = "--split test" if self.has_splits else f"--short-side {2 * self.short_side}"
        return (
            f"Add {self.title}: its table and its images.\n\n{self.about}\n"
            "The second time there is nothing to do; another short side adds only its images.\n\n"
            f"Examples:\n  {start}\n\n  {start} {further}"
        )


LAYOUTS = (
    Layout(
        "ham10000",
        ("ham10000", "Ham10000"),
        "HAM10000",
        "Kaggle's zip, a folder with its parts, or one with the Dataverse's files.",
        "skin-cancer-mnist-ham10000.zip",
        has_splits=False,
    ),
    Layout(
        "isic2017",
        ("isic2017", "Isic2017"),
        "ISIC 2017 part 3",
        "What is neither melanoma nor seborrheic keratosis is a nevus.",
    ),
    Layout(
        "isic2018",
        ("isic2018", "Isic2018"),
        "ISIC 2018 task 3",
        "The training images are HAM10000's; its metadata, if beside, tell age, sex and site.",
    ),
    Layout(
        "isic2019",
        ("isic2019", "Isic2019"),
        "ISIC 2019",
        "Splits: train and test. Images without a lesion id are lesions of their own.",
    ),
    Layout(
        "isic2020",
        ("isic2020", "Isic2020"),
        "SIIM-ISIC 2020",
        "ISIC's files, or Kaggle's JPEGs and CSVs. Splits: train and test. "
        "Duplicates, if their table is there, are one lesion.",
    ),
    Layout(
        "isic2024",
        ("isic2024", "Isic2024"),
        "ISIC 2024 (SLICE-3D)",
        "Kaggle's HDF5 or JPEGs with their metadata, or ISIC's files. Splits: train and test.",
        short_side=128,
        store=StoreName.FILES,
    ),
    Layout(
        "pad-ufes-20",
        ("pad_ufes", "PadUfes"),
        "PAD-UFES-20",
        "Photographs by smartphone, as Mendeley Data gives them.",
        name="pad_ufes",
        has_splits=False,
    ),
    Layout(
        "derm7pt",
        ("derm7pt", "Derm7pt"),
        "Derm7pt",
        "The dermoscopic images of release_v0.",
        "release_v0",
        has_splits=False,
    ),
    Layout(
        "isic-archive",
        ("isic_archive", "IsicArchive"),
        "any download of the ISIC Archive",
        "Images with the metadata.csv that isic-cli or the site gives.",
        name="isic_archive",
        has_splits=False,
    ),
)

COMMANDS: Final[Mapping[str, str]] = {layout.reader[0]: layout.command for layout in LAYOUTS}
"""What commands call a dataset, by its reader."""
