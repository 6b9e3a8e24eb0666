"""The truth that a submission is scored against: which class each image is, and its weight."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.data.archive import Archive
from skin.errors import SkinError, name_some
from skin.inference.isic_csv import check_columns, decode, parse_columns, parse_table, read_text
from skin.taxonomy import CHALLENGES, Challenge

_WEIGHTS = ("score_weight", "validation_weight")
_TELLING_MORE = ("isic2017", "isic2020", "isic2024")  # in columns beside those predicted
_EXCLUDED = "ISIC_0035068"  # the organisers weigh it 0, though its row is required


@dataclass(frozen=True)
class Truth:
    """A challenge's truth, sorted by image id as the official scorer sorts it.

    Attributes:
        labels: (N, C) bool, image ids as the index; a row can be true in no or many columns.
        score_weight: (N,), what an image counts in the figures, at least 0.
        validation_weight: (N,), what it counts in the validation figure, at least 0.
    """

    labels: pd.DataFrame
    score_weight: NDArray[np.float64]
    validation_weight: NDArray[np.float64]


def read_truth(path: Path, challenge: Challenge) -> Truth:
    """Read a truth table: image ids, a 0/1 column a class, and the weights if it has them.

    Without weights every image counts 1, except `ISIC_0035068`, which always counts 0. The tables
    of ISIC 2017, 2020 and 2024 may tell more of each image, as `train.csv` does; those of 2018 and
    2019 are read as the official scorer reads them, which takes no other column.

    Args:
        path: a CSV, or a zip with one, as the truth of ISIC 2018's validation images comes.
        challenge: says the columns.

    Raises:
        SkinError: the file cannot be read, a column or value is wrong, or no image counts.
    """
    table = parse_table(_read(path), challenge.index, path)
    weights = table.reindex(columns=list(_WEIGHTS), fill_value=1.0)
    labels = table.drop(columns=list(_WEIGHTS), errors="ignore")
    check_columns(labels, challenge.columns, path, others=challenge.name in _TELLING_MORE)
    labels = labels[list(challenge.columns)]
    _check(labels, labels.isin([0, 1]), path, "is neither 0 nor 1")
    numbers = weights.apply(pd.to_numeric, errors="coerce").astype(np.float64)
    _check(weights, np.isfinite(numbers) & (numbers >= 0), path, "is not a weight of 0 or more")
    numbers.loc[numbers.index == _EXCLUDED] = 0.0
    if not numbers["score_weight"].any():
        raise SkinError(
            f"{path}: no image has a score_weight above 0, so there is nothing to score"
        )
    order = np.argsort(labels.index.to_numpy(dtype=object), kind="stable")
    return Truth(
        labels=labels.iloc[order].astype(bool),
        score_weight=numbers["score_weight"].to_numpy()[order],
        validation_weight=numbers["validation_weight"].to_numpy()[order],
    )


def infer_challenge(path: Path) -> Challenge:
    """Tell the challenge from a truth table's columns.

    Raises:
        SkinError: the columns are not those of exactly one challenge.
    """
    columns = set(parse_columns(_read(path), path)) - set(_WEIGHTS)
    found = []
    for challenge in CHALLENGES.values():
        wanted = {challenge.index, *challenge.columns}
        if wanted == columns or (challenge.name in _TELLING_MORE and wanted < columns):
            found.append(challenge)
    if len(found) != 1:
        raise SkinError(
            f"{path}: its columns ({name_some(sorted(columns), most=12)}) are those of no one "
            f"challenge; name it with --challenge: {', '.join(CHALLENGES)}"
        )
    return found[0]


def _read(path: Path) -> str:
    """A table's text; of a zip, that of the only CSV in it."""
    if path.suffix.lower() != ".zip":
        return read_text(path)
    archive = Archive(path)
    tables = [entry.ref for entry in archive.entries if entry.path.suffix.lower() == ".csv"]
    if len(tables) != 1:
        raise SkinError(
            f"{path} has {name_some(tables) if tables else 'no CSV'}, where one CSV is wanted: "
            "unpack the one to score by"
        )
    return decode(archive.read(tables[0]), path)


def _check(table: pd.DataFrame, right: pd.DataFrame, path: Path, why: str) -> None:
    rows, columns = np.nonzero(~right.to_numpy(dtype=bool))
    if len(rows):
        image, column = table.index[rows[0]], table.columns[columns[0]]
        value = table.loc[image, column]
        raise SkinError(f"{path}: image {image}, column '{column}': '{value}' {why}")
