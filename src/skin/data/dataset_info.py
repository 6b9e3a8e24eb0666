"""What is recorded of a dataset beside its table: the content of `dataset.json`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from skin.errors import SkinError
from skin.files import read_json


class SourceInfo(BaseModel):
    """Where a dataset was added from.

    Attributes:
        reader: the kind of source, as `ham10000`.
        path: the folder or archive.
        fingerprint: of its listing and of the reader's options, to tell whether it changed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reader: str
    path: str
    fingerprint: str


class Skipped(BaseModel):
    """An image that was left out, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image_id: str
    path: str
    reason: str


class PoolPart(BaseModel):
    """A dataset that a pool was made of: its name, and its hash at that time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    hash: str


class DatasetInfo(BaseModel):
    """The content of `dataset.json`.

    Attributes:
        name: the dataset's name.
        hash: its identity, see `table_hash` in `skin.data.dataset`; this and the next two are set
            by `write_dataset` there.
        metadata_hash: see the function of that name there.
        file_hash: SHA-256 of `dataset.csv`, to tell whether it was edited.
        namespace: who gave out the ids, see `skin.data.sources.Source`.
        source: where it was added from.
        parts: the datasets that it was pooled from; empty if it was added.
        skipped: the images that `--skip-bad` left out.
        licence: under which the images may be used.
        citation: what to cite.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    hash: str = ""
    metadata_hash: str = ""
    file_hash: str = ""
    namespace: str = ""
    source: SourceInfo
    parts: tuple[PoolPart, ...] = ()
    skipped: tuple[Skipped, ...]
    licence: str
    citation: str

    @property
    def command(self) -> str:
        """The command that made the dataset, as `add`."""
        return "pool" if self.parts else "add"

    @property
    def how_to_mend(self) -> str:
        """What to do where the dataset is damaged."""
        return f"run `skin data {self.command}` again with --overwrite"


def load_info(path: Path) -> DatasetInfo:
    """Read a `dataset.json`.

    Raises:
        SkinError: it is missing or damaged.
    """
    if not path.is_file():
        raise SkinError(f"{path} is missing; add the dataset again with --overwrite")
    try:
        return DatasetInfo.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "all of it"
        raise SkinError(
            f"{path}: {place}: {first['msg']}; restore it, or add the dataset again with "
            "--overwrite"
        ) from None
