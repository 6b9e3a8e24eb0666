"""What all readers share: a CSV of metadata, checked row by row and normalised."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

import pandas as pd

from skin.data.dataset import RAW
from skin.data.images import IMAGE_SUFFIXES
from skin.data.sources.vocabulary import normalise_sex, normalise_site
from skin.errors import SkinError, name_some
from skin.taxonomy import LABELS, label_of

FIELDS = ("image_id", "lesion_id", "patient_id", "dx", "dx_type", "age", "sex", "site")
_MISSING = frozenset({"", "unknown", "nan", "na", "n/a", "none", "null"})
_OLDEST = 120  # years
_ISIC_ID = re.compile(r"^(ISIC_\d{7})_downsampled$")


def read_csv(
    data: bytes, name: str, separator: str = ",", *, only: Container[str] | None = None
) -> pd.DataFrame:
    """Read a CSV as text, with the spaces around headers and values taken off.

    Last columns without a name, as trailing commas make them, are dropped.

    Args:
        data: the file's content, UTF-8, with or without a byte-order mark.
        name: the file's name, for messages.
        separator: between values.
        only: the columns to keep, where there are many; all if not given.

    Returns:
        The rows; their index is the line's number in the file, the header being line 1.

    Raises:
        SkinError: the file is empty, is no UTF-8 text, has a row of another length, a column
            twice, or a value in a last column without a name.
    """
    # Decoded line by line: the whole text beside its rows would double a large table's memory.
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline="")
    lines = csv.reader(text, delimiter=separator, strict=True)
    try:
        header = [column.strip() for column in next(filter(None, lines), ())]
        named = _named(header, name)
        kept = [i for i in range(named) if only is None or header[i] in only]
        numbers, rows = [], []
        for line in filter(None, lines):
            _check_line(line, lines.line_num, len(header), named, name)
            numbers.append(lines.line_num)
            rows.append([line[i].strip() for i in kept])
    except UnicodeDecodeError as error:
        raise SkinError(f"{name} is not UTF-8 text ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise SkinError(f"{name}, line {lines.line_num}, is not a proper CSV: {error}") from error
    if not rows:
        raise SkinError(f"{name} has a header but no row")
    return pd.DataFrame(rows, columns=[header[i] for i in kept], index=numbers)


def require_columns(table: pd.DataFrame, columns: Iterable[str], name: str) -> None:
    """Check that a table has columns.

    Raises:
        SkinError: some are missing; the message names them and those there are.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        there = ", ".join(table.columns)
        raise SkinError(
            f"{name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"it has: {there}"
        )


def _named(header: Sequence[str], name: str) -> int:
    """How many columns there are, without the nameless last ones."""
    if not header:
        raise SkinError(f"{name} is empty")
    named = max((i for i, column in enumerate(header, 1) if column), default=0)
    twice = [column for column, count in Counter(header[:named]).items() if count > 1]
    if twice:
        raise SkinError(f"{name} has the column '{twice[0]}' twice; rename or drop one")
    return named


def _check_line(line: Sequence[str], number: int, columns: int, named: int, name: str) -> None:
    if len(line) != columns:
        raise SkinError(f"{name}, row {number}: {len(line)} values for {columns} columns")
    if named < columns and any(map(str.strip, line[named:])):
        raise SkinError(
            f"{name}, row {number}: a value in column {columns}, which has no name; name or drop it"
        )


def normalise(
    table: pd.DataFrame, columns: Mapping[str, str], name: str, *, strict_dx: bool = True
) -> pd.DataFrame:
    """Bring metadata to the dataset's columns: `FIELDS`, and `<field>_raw` for each of `RAW`.

    `image_id` loses folders and the image suffix; diagnoses become labels of the taxonomy, sex and
    site those of `skin.data.sources.vocabulary`; `unknown` and its like become missing. The raw
    columns keep what the file says. Where no lesion is told there is none: see `fill_lesions`.

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
    require_columns(table, columns.values(), name)
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
    return result


def fill_lesions(table: pd.DataFrame) -> int:
    """Make each image without a lesion a lesion of its own, and count these.

    Such a lesion has the image's id. If that is the id of a lesion that was published, of other
    images, as many `-alone` follow it as it takes to be no other lesion's.

    Args:
        table: as `normalise` gives it; its `lesion_id` is filled.
    """
    missing = table["lesion_id"].isna()
    lone = table["image_id"][missing]
    published = set(table["lesion_id"][~missing])
    if clashing := sorted(published.intersection(lone)):
        taken = published.union(lone)
        names = {image: _free_name(image, taken) for image in clashing}
        lone = lone.replace(names)
    table["lesion_id"] = table["lesion_id"].where(~missing, lone)
    return int(missing.sum())


def _free_name(image: str, taken: set[str]) -> str:
    """A name that is not taken, which it is from now on."""
    name = image
    while name in taken:
        name += "-alone"
    taken.add(name)
    return name


def image_id(image: str) -> str:
    """The image's id: its file name without folders and image suffix.

    ISIC 2019 names some files `ISIC_0000000_downsampled`; the id is `ISIC_0000000`, as everywhere
    else.
    """
    name = image.replace("\\", "/").rstrip("/").rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    plain = stem if stem and dot + suffix.lower() in IMAGE_SUFFIXES else name
    return _ISIC_ID.sub(r"\1", plain)


def name_rows(rows: pd.Index[int]) -> str:
    """Name rows by the index that `read_csv` gives them."""
    return f"row{'s' if len(rows) > 1 else ''} {name_some(rows)}"


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
