"""What is taken for what."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.blocks import Block, Cell, Group, Line, Section, Table, Words
from skin.analysis.metrics import TIED, FloatArray
from skin.analysis.report import wording
from skin.analysis.report.compare import Row
from skin.analysis.report.context import Context
from skin.analysis.report.resampling import rate_samples, rates
from skin.analysis.statistics import LEVEL, Interval, interval
from skin.analysis.text import MINUS, PERCENT, plural
from skin.taxonomy import Task

_INTRO = (
    "Rows are true classes, columns decided ones: the share of the row, below it the count of "
    "images."
)
_DIFFERENCE = (
    "Percentage points of each true class's images, a row less {reference}. Coloured where the "
    "paired 95 % interval excludes zero, not corrected for the number of cells: blue is better, "
    "more on the diagonal or less beside it; orange is worse."
)
_FAINT = 0.05  # the difference that at least is drawn in the full colour


def section(context: Context) -> Section:
    """Give each row's matrix, and how it differs from the reference's."""
    comparison = context.comparison
    reference = comparison.reference
    samples = {row.entry.name: rate_samples(row) for row in comparison.ranked}
    blocks: list[Block] = [_matrix(row) for row in comparison.rows]
    changes = [
        _change(row, reference, samples[row.entry.name], samples[reference.entry.name])
        for row in comparison.ranked
        if row is not reference
    ]
    if changes:
        name = reference.entry.name
        words = Words(_DIFFERENCE.format(reference=name))
        blocks.append(Group(f"Difference to {name}", [words, *changes], closed=True))
    finding = _finding(comparison.best, samples[comparison.best.entry.name])
    return Section("confusion", "Confusion", blocks, _INTRO, finding)


def _matrix(row: Row) -> Table:
    counts, codes = row.scores.confusion, row.entry.task.codes
    shares = rates(row)
    tied = bool(counts[:, -1].any())
    return Table(
        name=f"confusion-{row.entry.name}",
        title=wording.labelled(row),
        heads=["True", *codes, *([TIED] if tied else [])],
        lines=[
            Line(
                code,
                [
                    _cell(int(counts[i, j]), float(shares[i, j]), right=i == j)
                    for j in range(len(codes) + tied)
                ],
            )
            for i, code in enumerate(codes)
        ],
        frame=_frame(row.entry.task, count=counts, rate=shares),
        layout="confusion",
        wide=False,
    )


def _cell(count: int, rate: float, *, right: bool) -> Cell:
    if not count:
        return Cell("\N{MIDDLE DOT}", tone="quiet", value=0.0, share=0.0)
    return Cell(f"{rate:.2f}", f"{count:,}", "good" if right else "bad", rate, rate)


def _change(row: Row, reference: Row, ours: FloatArray, theirs: FloatArray) -> Table:
    """The paired difference in each cell's rate, from both rows' resampled rates."""
    task = row.entry.task
    values = rates(row) - rates(reference)
    low, high = np.full((2, *values.shape), np.nan)
    occurs = row.scores.confusion.any(axis=1)  # a class without images has no rates
    low[occurs], high[occurs] = np.nanquantile(
        (ours - theirs)[:, occurs], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0
    )
    columns = len(task) + bool(np.nanmax(np.abs(values[:, -1])) > 0)
    largest = max(float(np.nanmax(np.abs(values))), _FAINT)
    lines = []
    for i, code in enumerate(task.codes):
        cells = []
        for j in range(columns):
            it = Interval(*(float(part[i, j]) for part in (values, low, high)))
            cells.append(_change_cell(it, largest, right=i == j))
        lines.append(Line(code, cells))
    return Table(
        name=f"confusion-difference-{row.entry.name}",
        title=wording.labelled(row),
        heads=["True", *task.codes, *([TIED] if columns > len(task) else [])],
        lines=lines,
        frame=_frame(task, rate_difference=values, low=low, high=high),
        layout="confusion",
        wide=False,
    )


def _change_cell(change: Interval, largest: float, *, right: bool) -> Cell:
    """A difference in per cent points; coloured where its interval excludes zero."""
    points = round(100 * change.value, 1)
    if np.isnan(points) or not points:
        return Cell("\N{MIDDLE DOT}", tone="quiet", value=0.0)
    text = f"{points:+.1f}".replace("-", MINUS)
    if not change.excludes_zero:
        return Cell(text, value=change.value)
    better = (change.value > 0) == right
    return Cell(text, "", "good" if better else "bad", change.value, abs(change.value) / largest)


def _frame(task: Task, **columns: NDArray[np.number]) -> pd.DataFrame:
    """A row a cell of matrices (C, C + 1)."""
    return pd.DataFrame(
        [
            {"true": true, "decided": decided, **{name: it[i, j] for name, it in columns.items()}}
            for i, true in enumerate(task.codes)
            for j, decided in enumerate((*task.codes, TIED))
        ]
    )


def _finding(best: Row, samples: FloatArray) -> str:
    """The class most of whose images are taken for one other, relative to its own."""
    classes = best.entry.task.classes
    wrong = rates(best)[:, :-1].copy()
    np.fill_diagonal(wrong, np.nan)
    if not np.nanmax(wrong) > 0:
        return ""
    i, j = np.unravel_index(int(np.nanargmax(wrong)), wrong.shape)
    share = interval(float(wrong[i, j]), samples[:, i, j])
    images = plural(best.scores.support[i], "image")
    value, low, high = (f"{100 * it:.0f}" for it in (share.value, share.low, share.high))
    return (
        f"Most often confused: of {images} of {wording.lower(classes[i].name)}, {value}{PERCENT} "
        f"({low} to {high}{PERCENT}) are called {wording.lower(classes[j].name)}."
    )
