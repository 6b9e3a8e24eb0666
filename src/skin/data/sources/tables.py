"""Tables as they are published, and what readers make of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from skin.console import note, warn
from skin.data.sources.metadata import name_rows, require_columns
from skin.errors import SkinError, name_some, plural
from skin.taxonomy import label_of, merge_labels


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


def one_hot(table: Table, columns: Sequence[str], *, neither: str | None = None) -> pd.Series[str]:
    """The column that is 1 in each row, in whichever notation, the others being 0.

    Args:
        table: the truth.
        columns: one for each class.
        neither: what a row of zeros means; if not given, it is an error.

    Raises:
        SkinError: a column is missing, a value is neither 0 nor 1, or a row has several ones.
    """
    require_columns(table.rows, columns, table.name)
    texts = table.rows[list(columns)]
    values = texts.apply(pd.to_numeric, errors="coerce")
    strange = ~values.isin([0, 1])
    if strange.any(axis=None):
        rows = values.index[strange.any(axis=1)]
        column = strange.loc[rows[0]].idxmax()
        raise SkinError(
            f"{table.name}, {name_rows(rows)}: {column} is '{texts.loc[rows[0], column]}', "
            "neither 0 nor 1"
        )
    hot = values.astype(bool)
    ones = hot.sum(axis=1)
    wrong = ones[ones.gt(1) | (ones.eq(0) & (neither is None))]
    if len(wrong):
        alike = wrong.index[wrong == wrong.iloc[0]]
        raise SkinError(
            f"{table.name}, {name_rows(alike)}: {wrong.iloc[0]} of the columns "
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
        count = plural(len(absent), "image has", "images have")
        note(f"{count} no row in {name}: {name_some(absent)}")
    extra = known.index.difference(ids)
    if len(extra):
        count = plural(len(extra), f"row of {name} is", f"rows of {name} are")
        note(f"{count} of images that are not asked for: {name_some(extra)}")


def require_same(
    table: pd.DataFrame, more: pd.DataFrame, fields: Sequence[str], name: str, other: str
) -> None:
    """Compare what two tables, normalised both, tell of the same images, where both tell it.

    Args:
        table: the first.
        more: the second; its index are its rows' numbers.
        fields: the columns to compare.
        name: of `more`.
        other: of `table`, both for the message.

    Raises:
        SkinError: they contradict each other; the message names the rows.
    """
    known = table.set_index("image_id")
    for field in fields:
        there = known[field].reindex(pd.Index(more["image_id"])).set_axis(more.index)
        is_told = more[field].notna() & there.notna()
        differs = is_told & more[field].fillna("").ne(there.fillna(""))
        if differs.any():
            rows = more.index[differs]
            first = rows[0]
            raise SkinError(
                f"{name}, {name_rows(rows)}: {field} is not what {other} says, as "
                f"'{more.loc[first, field]}' of {more.loc[first, 'image_id']}, there "
                f"'{there[first]}'; keep the table that belongs to the images"
            )


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
            f"{name}: {plural(len(contrary), 'diagnosis contradicts', 'diagnoses contradict')} "
            f"whether the lesion is malignant, which counts: {_counted(contrary)}"
        )
    return labels.fillna(known)


def _counted(values: pd.Series[str]) -> str:
    return name_some(f"'{value}' ({count:,})" for value, count in values.value_counts().items())
