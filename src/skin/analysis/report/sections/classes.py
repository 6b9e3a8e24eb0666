"""What each class gets: recall with intervals, and the classification report of each row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skin.analysis.blocks import Block, Group, Line, Plot, Section, Table
from skin.analysis.cells import count_cell, score_cell, value_cell
from skin.analysis.report import figures, wording
from skin.analysis.report.cells import line
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.report.context import Context
from skin.analysis.report.per_class import COLUMNS, MEAN, class_lines, class_table
from skin.analysis.text import number, span

_INTRO = (
    "Each class against the rest, by the decided class; AUC and average precision (AP) rank images "
    "by its probability. The mean is over the classes that occur; that of recall is BACC."
)
_OPEN = 1  # report that stands open, beside the figure


def section(context: Context) -> Section:
    """Give recall by class of all rows, then every class's scores row by row."""
    comparison = context.comparison
    other = wording.rival(comparison)
    recall = Plot("recall", figures.recall_figure(comparison.best, other))
    reports = [_report(row) for row in _in_order(comparison, other)]
    blocks: list[Block] = [
        _recalls(comparison),
        recall,
        *reports[:_OPEN],
    ]
    if reports[_OPEN:]:
        blocks.append(
            Group("Classification reports of the other rows", reports[_OPEN:], closed=True)
        )
    return Section("classes", "Classes", blocks, _INTRO, _finding(comparison))


def _in_order(comparison: Comparison, other: Row | None) -> list[Row]:
    """The best row, the one that it is compared with, and then the others."""
    first = [row for row in (comparison.best, other) if row is not None]
    return first + [row for row in comparison.rows if row not in first]


def _recalls(comparison: Comparison) -> Table:
    codes = comparison.task.codes
    records = [
        {
            "run": row.entry.name,
            "marks": ", ".join(row.marks),
            "class": code,
            "recall": recall.value,
            "recall_low": recall.low,
            "recall_high": recall.high,
            "support": support,
        }
        for row in comparison.rows
        for code, recall, support in zip(
            codes, row.bootstrap.recall_intervals(), row.scores.support, strict=True
        )
    ]
    return Table(
        name="recall",
        title="Recall by class",
        heads=["Run", *codes],
        lines=[
            line(comparison, row, [score_cell(it) for it in row.bootstrap.recall_intervals()])
            for row in comparison.rows
        ],
        frame=pd.DataFrame(records),
        caption="The share of each class that is decided right.",
    )


def _report(row: Row) -> Table:
    return Table(
        name=f"classes-{row.entry.name}",
        title=wording.labelled(row),
        heads=["Class", *COLUMNS.values(), "Images"],
        lines=[
            Line(code, [*map(value_cell, values), count_cell(images)], best=code == MEAN)
            for code, values, images in class_lines(row)
        ],
        frame=class_table(row),
        wide=False,
    )


def _finding(comparison: Comparison) -> str:
    """The class of the lowest recall, with its interval."""
    best = comparison.best
    recalls = best.bootstrap.recall_intervals()
    weakest = int(np.nanargmin(best.scores.recall))
    diagnosis, recall = comparison.task.classes[weakest], recalls[weakest]
    return (
        f"Weakest class of {best.entry.name}: {wording.lower(diagnosis.name)} ({diagnosis.code}), "
        f"recall {number(recall.value)} ({span(recall)})."
    )
