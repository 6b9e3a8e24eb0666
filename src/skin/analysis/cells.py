"""Cells that the tables of all pages share."""

from __future__ import annotations

from collections.abc import Mapping

from skin.analysis.blocks import Cell, Tone
from skin.analysis.statistics import Interval
from skin.analysis.text import number, signed, signed_span, span

_NONE = Interval(float("nan"), float("nan"), float("nan"))


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


def ends(intervals: Mapping[str, Interval | None]) -> dict[str, float]:
    """Intervals as columns of a CSV: the value by its name, then `_low` and `_high`.

    NaN, an empty cell, where there is none.
    """
    known = {name: it or _NONE for name, it in intervals.items()}
    return {
        f"{name}{end}": value
        for name, it in known.items()
        for end, value in (("", it.value), ("_low", it.low), ("_high", it.high))
    }
