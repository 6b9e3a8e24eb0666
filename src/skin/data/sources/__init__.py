"""Readers, one for each kind of source that a dataset can be added from."""

from __future__ import annotations

from typing import Literal, Protocol

import pandas as pd

from skin.data.archive import Archive

Split = Literal["train", "validation", "test"]

ISIC = "isic"
"""The namespace of the ISIC Archive's ids."""


class Source(Protocol):
    """An archive of images with its metadata."""

    @property
    def reader(self) -> str:
        """The kind of source, as `ham10000`."""

    @property
    def licence(self) -> str:
        """Under which the images may be used."""

    @property
    def citation(self) -> str:
        """What to cite."""

    @property
    def archive(self) -> Archive:
        """The folder or zip that holds the images."""

    @property
    def split(self) -> Split:
        """The challenge's split that the images are of; only `train` may be trained on."""

    @property
    def namespace(self) -> str:
        """Who gave out the ids of images, lesions and patients.

        Equal ids mean the same in datasets of one namespace: `isic` for the ISIC Archive and all
        its challenges. Empty if the ids mean something within the dataset alone.
        """

    @property
    def missing_hint(self) -> str:
        """What to do where images are missing, to follow a message; often empty."""

    def fingerprint(self) -> str:
        """A cheap hash that changes when the images, the metadata or the options do."""

    def read(self) -> pd.DataFrame:
        """Read the metadata: the dataset's columns that do not need the images' content.

        A row whose image is not there has no `path`. Images without a row are left out, and said.

        Raises:
            SkinError: the metadata is not as it must be, or no row has an image.
        """
