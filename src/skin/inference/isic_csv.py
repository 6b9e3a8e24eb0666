"""Read a challenge's CSV as the official scorer reads it, whichever pandas is installed."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Literal

import pandas as pd

from skin.console import warn
from skin.errors import SkinError, name_some

# Before 3.1, the default parser is off by some last digits, so that it can make or break a tie.
# From 3.1 on, the default is exact and the option deprecated.
_EXACT_BY_DEFAULT = tuple(int(part) for part in pd.__version__.split(".")[:2]) >= (3, 1)
_PRECISION: Literal["round_trip"] | None = None if _EXACT_BY_DEFAULT else "round_trip"


def read_text(path: Path) -> str:
    """Read a UTF-8 file; every kind of line end becomes a newline.

    Raises:
        SkinError: the file cannot be read or is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SkinError(f"cannot read {path}: {error.strerror or error}") from None
    return decode(data, path)


def decode(data: bytes, source: Path) -> str:
    """Turn a file's content into text; every kind of line end becomes a newline.

    Raises:
        SkinError: it is not UTF-8.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SkinError(
            f"{source} is not UTF-8 (byte {error.start}); save it as a CSV in UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse_table(text: str, index: str, source: Path) -> pd.DataFrame:
    """Parse a table of one row an image.

    A trailing `.jpg` of an image id is taken off, in any case.

    Args:
        text: the CSV.
        index: the name of the column of image ids.
        source: the file to name in messages.

    Returns:
        The other columns as they stand, with the image ids (text) as the index.

    Raises:
        SkinError: it is no CSV, or an image id is missing or stands twice.
    """
    table = _read_csv(text, source, text_column=index)
    if index not in table.columns:
        raise SkinError(f"{source}: the column '{index}' is missing; it names each row's image")
    ids = table[index].str.replace(r"\.jpg$", "", flags=re.IGNORECASE, regex=True)
    if ids.isna().any():
        row = int(ids.isna().to_numpy().argmax()) + 1
        raise SkinError(f"{source}: the image id in '{index}' is missing in data row {row}")
    if ids.duplicated().any():
        raise SkinError(
            f"{source}: more than one row for {name_some(ids[ids.duplicated()].unique())}; "
            "keep one row an image"
        )
    return table.drop(columns=index).set_index(pd.Index(ids, name=index))


def parse_columns(text: str, source: Path) -> tuple[str, ...]:
    """Parse the column names alone.

    Raises:
        SkinError: it is no CSV.
    """
    return tuple(_read_csv(text, source, rows=0).columns)


def check_columns(
    table: pd.DataFrame, columns: tuple[str, ...], source: Path, *, others: bool = False
) -> None:
    """Check that the columns are exactly `columns`, in any order.

    Args:
        table: as `parse_table` gives it.
        columns: that are wanted.
        source: the file to name in messages.
        others: whether further columns may stand beside them.

    Raises:
        SkinError: a column is missing or not wanted.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise SkinError(
            f"{source}: missing column {name_some(missing)}; "
            f"wanted, in exactly this spelling: {', '.join(columns)}"
        )
    extra = [column for column in table.columns if column not in columns]
    if extra and not others:
        raise SkinError(
            f"{source}: unknown column {name_some(extra)}; take it out, "
            f"so that there are only: {', '.join(columns)}"
        )


def _read_csv(
    text: str, source: Path, text_column: str = "", rows: int | None = None
) -> pd.DataFrame:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            table = pd.read_csv(
                io.StringIO(text),
                header=0,
                index_col=False,
                dtype={text_column: str},
                nrows=rows,
                float_precision=_PRECISION,
            )
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise SkinError(f"{source} is not a CSV: {str(error).strip()}") from None
    if any(issubclass(warning.category, pd.errors.ParserWarning) for warning in caught):
        warn(
            f"{source}: the rows have more fields than the header; "
            "the surplus is ignored, as the official scorer ignores it"
        )
    return table
