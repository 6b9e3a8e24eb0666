"""Submissions: read and checked as the official scorer does, and written so that it takes them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.errors import SkinError, name_some
from skin.files import replacing, sha256_file
from skin.inference.isic_csv import check_columns, parse_table, read_text
from skin.taxonomy import Challenge

_HEAD = 2000  # characters in which the official scorer looks for two line ends


class Block(NamedTuple):
    """Some rows of a submission.

    Attributes:
        image_ids: n.
        values: (n, C), in [0, 1], columns in the challenge's order.
    """

    image_ids: Sequence[str]
    values: NDArray[np.floating]


def read_submission(path: Path, challenge: Challenge) -> pd.DataFrame:
    """Read a submission; take it or reject it as isic-challenge-scoring 5.6.0 does.

    The one difference: that release knows only the index column `image`, and here each
    challenge has its own.

    Args:
        path: a UTF-8 CSV with one row an image.
        challenge: says the column names.

    Returns:
        Values (N, C) float64, with the image ids as the index and the columns in the challenge's
        order.

    Raises:
        SkinError: the file breaks the contract; the message names the column, image and value.
    """
    return _parse(read_text(path), challenge, source=path)


def write_blocks(path: Path, blocks: Iterable[Block], challenge: Challenge) -> None:
    """Write a submission that reads back bit for bit, in memory for one block and all image ids.

    Values keep their full precision: the scorer counts an exact tie for the maximum as wrong, so
    rounding can cost points. Each block is read back and checked as `read_submission` does, and the
    file's hash must be that of what was checked before it takes its place.

    Args:
        path: the CSV to write.
        blocks: of rows.
        challenge: says the column names.

    Raises:
        SkinError: `read_submission` would reject the file, or would read an id differently.
        ValueError: the shapes do not fit.
    """
    digest = hashlib.sha256()
    seen: set[str] = set()
    with replacing(path) as temporary:
        with temporary.open("wb") as file:
            for block in blocks:
                if not block.image_ids:
                    continue
                data = _checked_bytes(block, challenge, path)
                _require_new(block.image_ids, seen, path)
                rows = data.partition(b"\n")[2] if seen else data
                seen.update(block.image_ids)
                file.write(rows)
                digest.update(rows)
        if not seen:
            raise SkinError(f"{path}: there is no image to write a row for")
        if sha256_file(temporary) != digest.hexdigest():
            raise SkinError(f"{path} does not read back as written; nothing was kept")


def _checked_bytes(block: Block, challenge: Challenge, path: Path) -> bytes:
    """Give a header and a block's rows as a CSV that reads back bit for bit."""
    image_ids, values = block
    shape = (len(image_ids), len(challenge.columns))
    if values.shape != shape:
        raise ValueError(f"values have shape {values.shape}; {challenge.name} wants {shape}")
    exact = values.astype(np.float64)
    table = pd.DataFrame(exact, index=list(image_ids), columns=list(challenge.columns))
    try:
        data = table.to_csv(index_label=challenge.index, lineterminator="\n").encode()
    except UnicodeEncodeError as error:
        wrong = error.object[max(0, error.start - 20) : error.end].rpartition("\n")[2]
        raise SkinError(f"{path}: the image id {wrong!r} is no text; rename the file") from None
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read()  # with any line end
    read = _parse(text, challenge, source=path)
    for given, found in zip(image_ids, read.index, strict=True):
        if given != found:
            raise SkinError(f"{path}: the image id {given!r} would be read as {found!r}")
    if read.to_numpy().tobytes() != exact.tobytes():
        raise SkinError(f"{path}: values do not read back as written; nothing was kept")
    return data


def _require_new(image_ids: Sequence[str], seen: AbstractSet[str], path: Path) -> None:
    twice = [image_id for image_id in image_ids if image_id in seen]
    if twice:
        raise SkinError(f"{path}: more than one row for {name_some(twice)}; keep one row an image")


def _parse(text: str, challenge: Challenge, source: Path) -> pd.DataFrame:
    if text[:_HEAD].count("\n") < 2:  # noqa: PLR2004 - one after the header, one after a row
        raise SkinError(
            f"{source}: fewer than two line ends in the first {_HEAD} characters; "
            "write a header and one line an image, each with a line end"
        )
    table = parse_table(text, challenge.index, source)
    check_columns(table, challenge.columns, source)
    table = table[list(challenge.columns)]
    _check_values(table, source)
    return table


def _check_values(table: pd.DataFrame, source: Path) -> None:
    """Check for floats in [0, 1] and nothing else."""
    if table.empty:
        raise SkinError(f"{source} has a header but no rows; write one row an image")
    _reject(table, table.isna(), source, "the value is missing; give every image one")
    for column, values in table.items():
        if pd.api.types.is_integer_dtype(values):
            raise SkinError(
                f"{source}: column '{column}' holds integers only, which the official scorer "
                "rejects; write at least one value with a decimal point, as 0.0"
            )
        if values.dtype != np.float64:
            wrong = pd.to_numeric(values.astype(object), errors="coerce").isna()
            if not wrong.any():  # truth values, or integers of more than 64 bits
                wrong[:] = True
            _reject(table, wrong.to_frame(column), source, "'{}' is not a number in [0, 1]")
    _reject(table, (table < 0) | (table > 1), source, "{} is outside [0, 1]")


def _reject(table: pd.DataFrame, wrong: pd.DataFrame, source: Path, why: str) -> None:
    """Raise for the first wrong cell, if there is one; `why` has a place for its value."""
    rows, columns = np.nonzero(wrong.to_numpy())
    if len(rows) == 0:
        return
    image, column = table.index[rows[0]], wrong.columns[columns[0]]
    reason = why.format(table.loc[image, column])
    more = f" (and {len(rows) - 1} more values)" if len(rows) > 1 else ""
    raise SkinError(f"{source}: image {image}, column '{column}': {reason}{more}")
