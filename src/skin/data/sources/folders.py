"""The folders that the challenges publish their images in, to tell whose an image is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from skin.data.sources import Split

FOLDERS: Final[Mapping[str, Mapping[Split, tuple[str, ...]]]] = {
    "isic2017": {
        "train": ("ISIC-2017_Training_Data",),
        "validation": ("ISIC-2017_Validation_Data",),
        "test": ("ISIC-2017_Test_v2_Data",),
    },
    "isic2018": {
        "train": ("ISIC2018_Task3_Training_Input",),
        "validation": ("ISIC2018_Task3_Validation_Input",),
        "test": ("ISIC2018_Task3_Test_Input", "ISIC2018_Task3_Test_Images"),
    },
    "isic2019": {
        "train": ("ISIC_2019_Training_Input",),
        "test": ("ISIC_2019_Test_Input",),
    },
    "isic2020": {
        "train": ("ISIC_2020_Training_JPEG", "ISIC_2020_Training_Input", "train"),
        "test": ("ISIC_2020_Test_JPEG", "ISIC_2020_Test_Input", "test"),
    },
    "isic2024": {
        "train": (
            "ISIC_2024_Training_Input",
            "ISIC_2024_Permissive_Training_Input",
            "train-image",
        ),
        "test": ("test-image",),
    },
}
"""By reader and split: a container without its suffix, or a folder; the official name first."""


class Owner(NamedTuple):
    """Whose images a folder holds."""

    reader: str
    split: Split


_OWNERS: Final = {
    name.lower(): Owner(reader, split)
    for reader, splits in FOLDERS.items()
    for split, names in splits.items()
    for name in names
}
_SPLITTER: Final = re.compile(r"/|::")
_CONTAINER: Final = re.compile(r"\.(zip|hdf5|h5)$")


def owner_of(folder: str, root: str, reader: str) -> Owner | None:
    """Whose images a folder holds, by the published name that is nearest to them.

    A name that anything may have, as `train`, counts for its own challenge's reader only, and not
    as that of the archive's root.

    Args:
        folder: where the image lies in the archive, as `images.zip::train/`, in any case.
        root: the archive's own name.
        reader: who asks.
    """
    parts = [_CONTAINER.sub("", part) for part in _SPLITTER.split(folder.lower())]
    for part in reversed(parts):
        owner = _OWNERS.get(part)
        if owner and (owner.reader == reader or _is_specific(part)):
            return owner
    top = _CONTAINER.sub("", root.lower())
    return _OWNERS.get(top) if _is_specific(top) else None


def _is_specific(name: str) -> bool:
    return name.startswith("isic")
