"""What all readers share: a CSV of metadata, checked row by row and normalised."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath

import pandas as pd

from skin.data.dataset import RAW
from skin.data.images import IMAGE_SUFFIXES
from skin.data.sources.vocabulary import normalise_sex, normalise_site
from skin.errors import SkinError, name_some
from skin.taxonomy import LABELS, label_of

FIELDS = ("image_id", "lesion_id", "patient_id", "dx", "dx_type", "age", "sex", "site")
_MISSING = frozenset({"", "unknown", "nan", "na", "n/a", "none", "null"})
_OLDEST = 120  # years


def read_csv(data: bytes, name: str, separator: str = ",") -> pd.DataFrame:
    """Read a CSV as text, with the spaces around headers and values taken off.

    Args:
        data: the file's content, UTF-8, with or without a byte-order mark.
        name: the file's name, for messages.
        separator: between values.

    Returns:
        The rows; their index is the line's number in the file, the header being line 1.

    Raises:
        SkinError: the file is empty, is no UTF-8 text, has a row of another length, or a column
            twice.
    """
    try:
        lines = csv.reader(
            io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=separator, strict=True
        )
        numbered = [(lines.line_num, [value.strip() for value in line]) for line in lines if line]
    except UnicodeDecodeError as error:
        raise SkinError(f"{name} is not UTF-8 text ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise SkinError(f"{name}, line {lines.line_num}, is not a proper CSV: {error}") from error
    if not numbered:
        raise SkinError(f"{name} is empty")
    (_, header), *rows = numbered
    if not rows:
        raise SkinError(f"{name} has a header but no row")
    twice = [column for column, count in Counter(header).items() if count > 1]
    if twice:
        raise SkinError(f"{name} has the column '{twice[0]}' twice; rename or drop one")
    for number, values in rows:
        if len(values) != len(header):
            raise SkinError(f"{name}, row {number}: {len(values)} values for {len(header)} columns")
    return pd.DataFrame(
        [values for _, values in rows], columns=header, index=[number for number, _ in rows]
    )


def normalise(
    table: pd.DataFrame, columns: Mapping[str, str], name: str, *, strict_dx: bool = True
) -> pd.DataFrame:
    """Bring metadata to the dataset's columns: `FIELDS`, and `<field>_raw` for each of `RAW`.

    `image_id` loses folders and the image suffix; diagnoses become labels of the taxonomy, sex and
    site those of `skin.data.sources.vocabulary`; `unknown` and its like become missing; a row
    without a lesion is a lesion of its own. The raw columns keep what the file says.

    Args:
        table: text as `read_csv` gives it.
        columns: the name in `table` for each of `FIELDS` that it has.
        name: the file's name, for messages.
        strict_dx: whether a diagnosis that the taxonomy does not know is an error; otherwise it
            is labelled `unknown`, for the reader to narrow by what else the archive says.

    Raises:
        SkinError: a column is missing, an image id is empty or there twice, a diagnosis is
            unknown, or an age is no number of years. The message names the rows.
    """
    _require_columns(table, columns, name)
    result = pd.DataFrame(index=table.index, columns=list(FIELDS), dtype=object)
    for field, column in columns.items():
        values = table[column]
        result[field] = values.mask(values.str.lower().isin(_MISSING), pd.NA)
    for field in RAW:
        result[f"{field}_raw"] = (
            table[columns[field]].replace("", pd.NA) if field in columns else pd.NA
        )
    result["image_id"] = table[columns["image_id"]].map(image_id)
    result["dx_type"] = result["dx_type"].astype("string").str.lower()
    result["sex"] = normalise_sex(result["sex"])
    result["site"] = normalise_site(result["site"])
    result["age"] = _ages(result, name)
    _check_ids(result["image_id"], name)
    if "dx" in columns:
        result["dx"] = _labels(table[columns["dx"]], name, strict=strict_dx)
    result["lesion_id"] = result["lesion_id"].fillna(result["image_id"])
    return result


def image_id(image: str) -> str:
    """The image's id: its file name without folders and image suffix."""
    path = PurePosixPath(image.replace("\\", "/"))
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name


def name_rows(rows: pd.Index[int]) -> str:
    """Name rows by the index that `read_csv` gives them."""
    return f"row{'s' if len(rows) > 1 else ''} {name_some(rows)}"


def _require_columns(table: pd.DataFrame, columns: Mapping[str, str], name: str) -> None:
    missing = [column for column in columns.values() if column not in table.columns]
    if missing:
        there = ", ".join(table.columns)
        raise SkinError(
            f"{name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"it has: {there}"
        )


def _ages(result: pd.DataFrame, name: str) -> pd.Series[float]:
    ages = pd.to_numeric(result["age"], errors="coerce").astype("float64")
    wrong = result["age"].notna() & ~ages.between(0, _OLDEST)
    if wrong.any():
        values = name_some(f"'{value}'" for value in result["age"][wrong].unique())
        raise SkinError(
            f"{name}, {name_rows(result.index[wrong])}: age {values} is not a number of years "
            f"from 0 to {_OLDEST}; leave it empty where it is not known"
        )
    return ages


def _check_ids(ids: pd.Series[str], name: str) -> None:
    empty = ids.index[ids == ""]
    if len(empty):
        raise SkinError(f"{name}, {name_rows(empty)}: the image id is empty")
    twice = ids[ids.duplicated(keep=False)]
    if len(twice):
        first = twice.iloc[0]
        rows = name_rows(twice.index[twice == first])
        others = twice.nunique() - 1
        more = f", and {others} more images" if others else ""
        raise SkinError(f"{name}: image {first} stands in {rows}{more}; each needs one row")


def _labels(raw: pd.Series[str], name: str, *, strict: bool) -> pd.Series[str]:
    labels = raw.map({value: label_of(value) for value in raw.unique()})
    wrong = raw.index[labels.isna()]
    if strict and len(wrong):
        values = name_some(f"'{value}'" for value in raw[wrong].unique())
        raise SkinError(
            f"{name}, {name_rows(wrong)}: unknown dx {values}; known: {', '.join(LABELS)}, "
            "and their names spelled out"
        )
    return labels.fillna("unknown")
