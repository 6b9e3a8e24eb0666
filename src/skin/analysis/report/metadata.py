"""What a report reads of the descriptions that runs and ensembles leave."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from skin.analysis.text import plural
from skin.errors import SkinError
from skin.files import read_json


class Hardware(BaseModel):
    """What a fold was trained on."""

    cpu: str | None = None
    threads: int | None = None
    gpu: str | None = None

    def __str__(self) -> str:
        if self.gpu or not self.cpu:
            return self.gpu or "not recorded"
        return f"{self.cpu}, {plural(self.threads, 'thread')}" if self.threads else self.cpu


class FoldMetadata(BaseModel):
    """What a report tells of a fold's `metadata.json`; other keys are left alone."""

    task: str
    dataset: str | None = None
    dataset_hash: str | None = None
    best_epoch: int
    epochs: int
    seconds: float
    images_per_s: float
    parameters: int
    train_images: int
    leaking: bool
    chosen_on_held_out: bool
    tta: str
    folds_name: str | None = None
    precision: str | None = None
    seed: int | None = None
    hardware: Hardware | None = None


class MadeMetadata(BaseModel):
    """How an ensemble was made, by name, as `mean`, `vector` and `prior`."""

    method: str
    calibration: str
    rule: str


class MemberMetadata(BaseModel):
    """Where one model of an ensemble lies, relative to the ensemble's folder."""

    folder: Path


class RunMetadata(BaseModel):
    """One run of an ensemble."""

    name: str
    folds: tuple[MemberMetadata, ...]


class EnsembleMetadata(BaseModel):
    """What a report tells of an `ensemble.json`; other keys are left alone."""

    task: str
    leaking: bool
    chosen_on_held_out: bool
    tta: str
    runs: tuple[RunMetadata, ...] = ()
    made: MadeMetadata | None = None
    parameters: int | None = None
    seconds: float | None = None


_Metadata = TypeVar("_Metadata", bound=BaseModel)


def parse(path: Path, model: type[_Metadata]) -> _Metadata:
    """Read one of them.

    Raises:
        SkinError: the file is missing or is not one; the message names the keys.
    """
    try:
        return model.model_validate(read_json(path))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SkinError(f"{path} cannot be read: {'; '.join(wrong)}") from None
