"""Where a probe's results lie, and whether they are still those of the run's models.

A probe `<name>` of a run leaves `probes/<name>.json` in its folder and, beside it, `<name>.csv`
with the outcome of each image. The JSON names the weights it was measured with by their hashes, so
that a fold that was trained anew makes it stale, and the table by its own.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from skin.errors import SkinError
from skin.files import read_json, sha256_bytes, sha256_file, write_text
from skin.runs import FoldRun, Run

_FOLDER = "probes"


class Origin(BaseModel):
    """What a probe was made of.

    Attributes:
        run: the run's name.
        dataset: the dataset's name.
        dataset_hash: its state.
        weights: fold number -> SHA-256 of its best weights, for each fold that was probed.
        seed: of whatever was drawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    dataset: str
    dataset_hash: str
    weights: dict[int, str]
    seed: int

    @classmethod
    def of(cls, run: Run, folds: Sequence[FoldRun], seed: int) -> Self:
        """Describe finished folds of a run, which are of one dataset, as they are now.

        Raises:
            SkinError: a fold has no weights.
        """
        for fold in folds:
            if not fold.weights.exists():
                raise SkinError(
                    f"no weights at {fold.weights}: restore them, or train the fold anew"
                )
        known = folds[0].metadata()
        return cls(
            run=run.name,
            dataset=known["dataset"],
            dataset_hash=known["dataset_hash"],
            weights={fold.fold: sha256_file(fold.weights) for fold in folds},
            seed=seed,
        )

    def stale_folds(self, folder: Path) -> list[int]:
        """The folds whose best weights in the run's `folder` are no longer those, or are gone."""
        now = {fold: Run(folder).fold(fold).weights for fold in self.weights}
        return [
            fold
            for fold, path in now.items()
            if not path.exists() or sha256_file(path) != self.weights[fold]
        ]


class Result(BaseModel):
    """The content of a probe's JSON; each probe adds its settings and figures.

    Attributes:
        origin: what it was made of.
        table_sha256: of the CSV beside it; None where there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: Origin
    table_sha256: str | None = None

    @model_validator(mode="after")
    def _has_folds(self) -> Self:
        if not self.origin.weights:
            raise ValueError("a probe is of at least one fold")
        return self


_Result = TypeVar("_Result", bound=Result)


def probes_folder(folder: Path) -> Path:
    """Where the results of the run in `folder` lie."""
    return folder / _FOLDER


def json_path(folder: Path, name: str) -> Path:
    """Where the result of the probe `name` of the run in `folder` lies."""
    return probes_folder(folder) / f"{name}.json"


def csv_path(folder: Path, name: str) -> Path:
    """Where its table lies."""
    return probes_folder(folder) / f"{name}.csv"


def png_path(folder: Path, name: str) -> Path:
    """Where its picture lies, if it has one."""
    return probes_folder(folder) / f"{name}.png"


def write_result(
    folder: Path, name: str, result: Result, table: pd.DataFrame | None = None
) -> Path:
    """Write a probe's result, and its table of images if it has one, into the run's `folder`.

    The table goes first: what a kill leaves between the two is told by the table's hash.

    Returns:
        The JSON's path.

    Raises:
        SkinError: the folder cannot be written.
    """
    if table is not None:
        text = table.to_csv(index=False, lineterminator="\n")
        write_text(csv_path(folder, name), text)
        result = result.model_copy(update={"table_sha256": sha256_bytes(text.encode())})
    path = json_path(folder, name)
    write_text(path, result.model_dump_json(indent=2) + "\n")
    return path


def read_result(folder: Path, name: str, kind: type[_Result]) -> _Result | None:
    """Read a probe's result; None where the run in `folder` was not probed.

    Raises:
        SkinError: it is not one; the message names the keys.
    """
    path = json_path(folder, name)
    if not path.exists():
        return None
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SkinError(
            f"{path} is not a result of this version's `skin probe {name}` "
            f"({'; '.join(wrong[:3])}): delete it, or probe the run again"
        ) from None


def read_table(folder: Path, name: str, result: Result, types: Mapping[str, type]) -> pd.DataFrame:
    """Read the table beside a result.

    Args:
        folder: the run's.
        name: the probe's.
        result: as `read_result` gave it.
        types: of columns; those that are not named are text.

    Raises:
        SkinError: it is missing, or not the one that was written with the result.
    """
    data = _table_bytes(folder, name, result)
    # Text by default: an id, or the code of a class, may read as a number or as NaN.
    table = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    return table.astype(dict(types))


def require_table(folder: Path, name: str, result: Result) -> None:
    """Check the table beside a result, if it has one.

    Raises:
        SkinError: as `read_table`.
    """
    if result.table_sha256 is not None:
        _table_bytes(folder, name, result)


def _table_bytes(folder: Path, name: str, result: Result) -> bytes:
    path = csv_path(folder, name)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SkinError(f"{path} is missing; run `skin probe {name}` again") from None
    if sha256_bytes(data) != result.table_sha256:
        raise SkinError(
            f"{path} is not the table that {json_path(folder, name).name} was written with; "
            f"run `skin probe {name}` again"
        )
    return data


def why_stale(folder: Path, result: Result) -> str:
    """Say what changed since a result was written, as the end of a sentence; empty: nothing."""
    changed = result.origin.stale_folds(folder)
    if not changed:
        return ""
    return f"fold {', '.join(map(str, changed))} has other weights since"
