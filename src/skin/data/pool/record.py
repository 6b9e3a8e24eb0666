"""What a pool says of how it was made: `pool.json` in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from skin.data.dataset_info import load_info
from skin.errors import SkinError
from skin.files import read_json

RECORD: Final = "pool.json"

FoundBy = Literal["id", "file", "photograph", "lesion", "patient"]
"""How a training image was told to be a test set's.

Its id, its file's SHA-256, or its photograph is one of the test set; or its lesion, or else its
patient, is one of which the test set has an image.
"""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartCount(_Frozen):
    """A dataset that was pooled: its images then, and how many rows of the pool are its own."""

    name: str
    hash: str
    images: int
    pooled: int


class SameId(_Frozen):
    """An image that several datasets have under one id.

    Attributes:
        image_id: in the pool.
        dataset: whose picture and row it is.
        others: the datasets that have it too.
        differing: those of `others` whose picture is another photograph; theirs is not used.
    """

    image_id: str
    dataset: str
    others: tuple[str, ...]
    differing: tuple[str, ...]


class SamePhotograph(_Frozen):
    """Two images of different ids, and of different datasets or lesions, that show the same.

    Attributes:
        first: an image's id.
        second: another's, which is of the same lesion in the pool, unless it is dropped.
        datasets: of both.
        dropped: whether the second one was left out as a copy.
    """

    first: str
    second: str
    datasets: tuple[str, str]
    dropped: bool


class ProtectedSet(_Frozen):
    """A test set that was looked for among the training images.

    Attributes:
        images: how many it has.
        found: how many training images are its own, or of its lesions or patients. An image that
            several test sets have counts for each.
        given: whether it was named by the user.
    """

    images: int
    found: int
    given: bool


class LeftOut(_Frozen):
    """A training image that was left out for a test set's sake."""

    image_id: str
    dataset: str
    test_set: str
    found_by: FoundBy


class Conflict(_Frozen):
    """Two diagnoses of one photograph that contradict each other; the first one counts."""

    image_id: str
    dataset: str
    dx: str
    other_image_id: str
    other_dataset: str
    other_dx: str


class PoolRecord(_Frozen):
    """The content of `pool.json`.

    Attributes:
        parts: the datasets, in the order in which they were named.
        drop_copies: whether the same photograph under another id was left out.
        protected: the test sets that were looked for.
        hash_bits: see `skin.data.duplicates`.
        correlation: see there.
        same_id: images joined to one row.
        same_photograph: images joined to one lesion, or dropped as copies.
        left_out: for a test set's sake.
        conflicts: diagnoses that were overruled.
    """

    parts: tuple[PartCount, ...]
    drop_copies: bool
    protected: dict[str, ProtectedSet]
    hash_bits: int
    correlation: float
    same_id: tuple[SameId, ...]
    same_photograph: tuple[SamePhotograph, ...]
    left_out: tuple[LeftOut, ...]
    conflicts: tuple[Conflict, ...]


def is_pool(root: Path) -> bool:
    """Whether a folder holds a pool, be it damaged."""
    try:
        return bool(load_info(root / "dataset.json").parts)
    except SkinError:
        return (root / RECORD).is_file()


def load_record(root: Path) -> PoolRecord:
    """Read a pool's record.

    Raises:
        SkinError: it is missing or damaged.
    """
    path = root / RECORD
    try:
        return PoolRecord.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise SkinError(f"{path}: {place}: {first['msg']}; pool again with --overwrite") from None
