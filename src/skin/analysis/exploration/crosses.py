"""One column of a table crossed with another, as a heat table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skin.analysis.blocks import Cell, Line, Table
from skin.analysis.exploration.cohort import percent, records, values_of

ALL = "all"


def cross(
    name: str,
    title: str,
    rows: pd.Series[str],
    columns: pd.Series[str],
    order: Sequence[str],
    *,
    caption: str = "",
    labels: tuple[str, str] = ("value", "class"),
) -> Table:
    """Count rows' values by columns' values; the shares of a column sum to 1.

    Columns are compared with each other and with the last one, of all images.

    Args:
        name: of the table.
        title: of the table.
        rows: a value an image; rare ones and missing ones as `values_of` has them.
        columns: a value an image.
        order: of the columns.
        caption: what a reader must know.
        labels: what rows and columns are called in the frame.
    """
    filled, values = values_of(rows)
    counts = pd.crosstab(filled.to_numpy(), columns.to_numpy(object))
    counts = counts.reindex(index=values, columns=list(order), fill_value=0)
    counts[ALL] = counts.sum(axis=1)
    frame = _long(counts, labels)
    lines = [
        Line(str(value), [_cell(row["images"], row["share"]) for row in records(part)])
        for value, part in frame.groupby(labels[0], sort=False)
    ]
    return Table(
        name=name,
        title=title,
        heads=["", *order, ALL],
        lines=lines,
        frame=frame,
        caption=caption,
        layout="confusion",
    )


def _cell(count: int, share: float) -> Cell:
    return Cell(f"{count:,}", percent(share), value=count, share=share)


def _long(counts: pd.DataFrame, labels: tuple[str, str]) -> pd.DataFrame:
    """A row a cell: value, column, images, and their share of the column's images."""
    by_value = counts.rename_axis(index=labels[0]).reset_index()
    long = by_value.melt(labels[0], var_name=labels[1], value_name="images")
    return long.assign(share=long["images"] / long.groupby(labels[1])["images"].transform("sum"))
