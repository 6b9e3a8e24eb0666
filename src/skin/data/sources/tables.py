"""Tables of an archive, found by name, and what readers make of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from skin.console import note, warn
from skin.data.archive import Archive, Entry
from skin.data.sources.metadata import name_rows, read_csv, require_columns
from skin.errors import SkinError, name_some
from skin.taxonomy import label_of, merge_labels

_SUFFIXES = frozenset({".csv", ".tab", ".tsv"})
_HOT = {"1": True, "1.0": True, "0": False, "0.0": False}


class Table(NamedTuple):
    """A table of the archive.

    Attributes:
        name: where it lies, for messages.
        rows: as `read_csv` gives them.
    """

    name: str
    rows: pd.DataFrame

    def first_of(self, *columns: str) -> str:
        """The first of the columns that it has; if it has none, the first, for the message."""
        return next((column for column in columns if column in self.rows), columns[0])


def find_table(archive: Archive, names: Sequence[str]) -> Table | None:
    """Find a table by its file name and read it.

    Args:
        archive: to look in, anywhere; case makes no difference.
        names: the names it may have; of several that are there, the first counts.

    Raises:
        SkinError: two files of one name differ, or the table is no proper CSV.
    """
    for name in names:
        found = [e for e in archive.entries if e.path.name.lower() == name.lower()]
        if found:
            return read_table(archive, found)
    return None


def require_table(archive: Archive, names: Sequence[str]) -> Table:
    """As `find_table`, for a table that must be there.

    Raises:
        SkinError: it is not; the message names what is wanted and which tables there are.
    """
    table = find_table(archive, names)
    if table is None:
        raise SkinError(f"{archive.root} has no {' or '.join(names)}; {tables_there(archive)}")
    return table


def read_table(archive: Archive, copies: Sequence[Entry]) -> Table:
    """Read a table, separated by commas or tabs, of which there may be equal copies.

    Raises:
        SkinError: the copies differ, or it is no proper CSV.
    """
    data = {archive.read(entry.ref) for entry in copies}
    if len(data) > 1:
        names = name_some(entry.ref for entry in copies)
        raise SkinError(f"{archive.root} has tables that differ: {names}; keep the one that counts")
    (content,) = data
    ref = copies[0].ref
    tabbed = b"\t" in content.partition(b"\n")[0]
    return Table(ref, read_csv(content, ref, "\t" if tabbed else ","))


def tables_there(archive: Archive) -> str:
    """Say which tables there are, for a message that one is missing."""
    tables = [entry.ref for entry in archive.entries if entry.path.suffix.lower() in _SUFFIXES]
    found = f"there is {name_some(tables)}" if tables else "there is no table at all"
    return f"{found}{unpack_hint(archive)}"


def unpack_hint(archive: Archive) -> str:
    """What to do about zips within a zip, to follow a message; empty if there are none."""
    inner = [e.path.name for e in archive.entries if e.path.suffix.lower() == ".zip"]
    return f"; unpack it first, it holds {inner[0]}" if inner else ""


def one_hot(table: Table, columns: Sequence[str], *, neither: str | None = None) -> pd.Series[str]:
    """The column that is 1 (or 1.0) in each row, the others being 0.

    Args:
        table: the truth.
        columns: one for each class.
        neither: what a row of zeros means; if not given, it is an error.

    Raises:
        SkinError: a column is missing, a value is neither 0 nor 1, or a row has several ones.
    """
    require_columns(table.rows, columns, table.name)
    values = table.rows[list(columns)]
    strange = ~values.isin(list(_HOT))
    if strange.any(axis=None):
        rows = values.index[strange.any(axis=1)]
        column = strange.loc[rows[0]].idxmax()
        raise SkinError(
            f"{table.name}, {name_rows(rows)}: {column} is '{values.loc[rows[0], column]}', "
            "neither 0 nor 1"
        )
    hot = values.apply(lambda column: column.map(_HOT)).astype(bool)
    ones = hot.sum(axis=1)
    wrong = ones.gt(1) | (ones.eq(0) & (neither is None))
    if wrong.any():
        rows = values.index[wrong]
        raise SkinError(
            f"{table.name}, {name_rows(rows)}: {ones[rows[0]]} of the columns "
            f"{', '.join(columns)} are 1, where one must be"
        )
    which: pd.Series[str] = hot.idxmax(axis=1).astype("object")
    return which.where(ones.eq(1), neither)


def attach(table: pd.DataFrame, more: pd.DataFrame, fields: Sequence[str], name: str) -> None:
    """Take fields of a table, normalised both, from another by image; say where these differ.

    Args:
        table: to be filled.
        more: what it is filled from.
        fields: the columns to take.
        name: of `more`, for what is said.
    """
    known = more.set_index("image_id")
    ids = pd.Index(table["image_id"])
    for field in fields:
        table[field] = known[field].reindex(ids).array
    absent = ids.difference(known.index)
    if len(absent):
        note(f"{len(absent):,} images have no row in {name}: {name_some(absent)}")
    extra = known.index.difference(ids)
    if len(extra):
        note(f"{len(extra):,} rows of {name} are of other images: {name_some(extra)}")


def narrow(table: pd.DataFrame, malignant: pd.Series[bool], name: str) -> pd.Series[str]:
    """The labels of diagnoses, where they agree with what else is said: malignant or not.

    A diagnosis that the taxonomy does not know, or that contradicts, leaves it at `benign` or
    `malignant`; both are said, with counts.

    Args:
        table: normalised; `dx_raw` holds the diagnoses.
        malignant: whether each row's lesion is; it counts.
        name: the table's, for what is said.
    """
    said = table["dx_raw"].fillna("unknown")
    known = malignant.map({True: "malignant", False: "benign"})
    merged = {
        (diagnosis, sure): merge_labels(label_of(diagnosis) or "unknown", sure)
        for diagnosis, sure in set(zip(said, known, strict=True))
    }
    labels = pd.Series(
        [merged[pair] for pair in zip(said, known, strict=True)], table.index, dtype="object"
    )
    unmapped = said[said.map({word: label_of(word) is None for word in said.unique()})]
    if len(unmapped):
        note(f"{name}: no label for {_counted(unmapped)}; they are only benign or malignant")
    contrary = said[labels.isna()]
    if len(contrary):
        warn(
            f"{name}: {len(contrary):,} diagnoses contradict whether the lesion is malignant, "
            f"which counts: {_counted(contrary)}"
        )
    return labels.fillna(known)


def _counted(values: pd.Series[str]) -> str:
    return name_some(f"'{value}' ({count:,})" for value, count in values.value_counts().items())
