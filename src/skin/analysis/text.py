"""Figures and tables as text: one way to write a score, an interval, a count."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.table import Table

from skin.analysis.statistics import Interval

DASH = "\N{EM DASH}"
MINUS = "\N{MINUS SIGN}"
PERCENT = "\N{NO-BREAK SPACE}%"


def number(value: float) -> str:
    """A score to three decimals."""
    return DASH if math.isnan(value) else f"{value:.3f}".replace("-", MINUS)


def signed(value: float) -> str:
    """A difference to three decimals with its sign; one that rounds to zero has none."""
    if math.isnan(value):
        return DASH
    text = f"{value:+.3f}".replace("-", MINUS)
    return text[1:] if float(text[1:]) == 0 else text


def span(interval: Interval) -> str:
    """The ends of a score's interval."""
    return f"{number(interval.low)} to {number(interval.high)}"


def short_span(interval: Interval) -> str:
    """The ends of a score's interval, for narrow columns."""
    return f"{number(interval.low)}\N{EN DASH}{number(interval.high)}"


def signed_span(interval: Interval) -> str:
    """The ends of a difference's interval."""
    return f"{signed(interval.low)} to {signed(interval.high)}"


def mean_and_deviation(mean: float, deviation: float) -> str:
    """Mean ± standard deviation, or the mean alone where one fold has no deviation."""
    return number(mean) if math.isnan(deviation) else f"{number(mean)} ± {number(deviation)}"


def duration(seconds: float | None) -> str:
    """A wall time in its two largest units."""
    if seconds is None:
        return DASH
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def millions(count: int | None) -> str:
    """A number of parameters."""
    return DASH if count is None else f"{count / 1e6:.2f} M"


def plural(count: int, noun: str) -> str:
    """A count and its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A table for Markdown; the first row is its head, the first column is text."""
    head, *body = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))


def terminal_table(columns: Iterable[str]) -> Table:
    """An empty table for the terminal, the first column for text, the others for figures."""
    first, *others = columns
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold")
    for column in others:
        table.add_column(column, justify="right", no_wrap=True)
    return table
