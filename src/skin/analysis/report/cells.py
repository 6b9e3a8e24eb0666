"""Cells and lines that the report's tables share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skin.analysis.blocks import Cell, Line, Tone
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.statistics import Interval
from skin.analysis.text import number, signed, signed_span, span


def score_cell(interval: Interval) -> Cell:
    """A score, below it its interval."""
    return Cell(number(interval.value), span(interval), value=interval.value)


def gap_cell(interval: Interval) -> Cell:
    """A difference, below it its interval; toned where that excludes zero."""
    tone: Tone = "good" if interval.low > 0 else "bad" if interval.high < 0 else "plain"
    return Cell(signed(interval.value), signed_span(interval), tone, interval.value)


def value_cell(value: float) -> Cell:
    """A score without an interval."""
    return Cell(number(value), value=value)


def count_cell(count: int) -> Cell:
    """A number of things."""
    return Cell(f"{count:,}", value=count)


def line(comparison: Comparison, row: Row, cells: Sequence[Cell]) -> Line:
    """A row's line, with its name and marks; the best one is set off."""
    return Line(row.entry.name, cells, row.marks, best=row is comparison.best)


def ends(intervals: Mapping[str, Interval]) -> dict[str, float]:
    """Intervals as columns of a CSV: the value by its name, then `_low` and `_high`."""
    return {
        f"{name}{end}": value
        for name, it in intervals.items()
        for end, value in (("", it.value), ("_low", it.low), ("_high", it.high))
    }
