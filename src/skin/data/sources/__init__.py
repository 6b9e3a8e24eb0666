"""Readers, one for each kind of source that a dataset can be added from."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from skin.data.archive import Archive


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

    def fingerprint(self) -> str:
        """A cheap hash that changes when the images, the metadata or the options do."""

    def read(self) -> pd.DataFrame:
        """Read the metadata: the dataset's columns that do not need the images' content.

        Raises:
            SkinError: the metadata is not as it must be, or an image is missing.
        """
