"""What was measured, as a table and as CSV."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from skin.files import replacing


class Spread(NamedTuple):
    """The median of a measurement's repeats, and the lowest and highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise repeats."""
        return cls(statistics.median(values), min(values), max(values))

    @classmethod
    def of_ratios(cls, ours: Sequence[float], theirs: Sequence[float]) -> Spread:
        """Summarise the ratios of repeats that were taken in turns.

        Each is divided by the one beside it in time, so that what slows the machine down for a
        while slows both.
        """
        return cls.of([a / b for a, b in zip(ours, theirs, strict=True)])


class Target(NamedTuple):
    """A limit that the project holds itself to."""

    limit: float
    at_least: bool

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"

    def is_met(self, value: float) -> bool:
        """Whether `value` is on the right side."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Result:
    """One figure.

    Attributes:
        part: which measurement it belongs to, as `data path`.
        what: what it is.
        spread: over the repeats.
        unit: of the figure.
        target: what it should be, if that is said.
    """

    part: str
    what: str
    spread: Spread
    unit: str
    target: Target | None = None

    @property
    def verdict(self) -> str:
        """`yes`, `no`, or nothing where there is no target."""
        if self.target is None:
            return ""
        return "yes" if self.target.is_met(self.spread.median) else "no"


@dataclass(frozen=True)
class CaseResults:
    """All figures of one model.

    Attributes:
        case: model, size, batch, precision, device and workers.
        machine: processor, cores, GPU, versions.
        results: in the order they are shown.
    """

    case: Mapping[str, Any]
    machine: Mapping[str, Any]
    results: Sequence[Result]


def write_csv(path: Path, measured: Sequence[CaseResults]) -> None:
    """Write a row a figure; case and machine are repeated in each."""
    import pandas as pd  # noqa: PLC0415 - takes longer than --help should

    rows = [
        {
            "part": result.part,
            **one.case,
            "what": result.what,
            "median": result.spread.median,
            "low": result.spread.low,
            "high": result.spread.high,
            "unit": result.unit,
            "target": result.target,
            "met": result.verdict,
            **one.machine,
        }
        for one in measured
        for result in one.results
    ]
    with replacing(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False, lineterminator="\n")


def show(console: Console, one: CaseResults) -> None:
    """Print a case's table; its caption says which machine."""
    case = one.case
    title = (
        f"{case['model']} at {case['size']} px, batch {case['batch_size']}, {case['precision']}, "
        f"{case['device']}, {case['workers']} loader processes"
    )
    caption = ", ".join(f"{key} {value}" for key, value in one.machine.items() if value)
    table = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, padding=(0, 1))
    table.title_justify = table.caption_justify = "left"
    table.add_column("", overflow="fold")
    for name in ("median", "range"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("unit", "target", "met"):
        table.add_column(name, no_wrap=True)
    part = ""
    for result in one.results:
        if result.part != part:
            part = result.part
            table.add_row(f"[bold]{part}[/bold]")
        table.add_row(
            f"  {result.what}",
            _short(result.spread.median),
            _range(result.spread),
            result.unit,
            str(result.target or ""),
            {"no": "[red]no[/red]"}.get(result.verdict, result.verdict),
        )
    console.print(table)


def _range(spread: Spread) -> str:
    return "" if spread.low == spread.high else f"{_short(spread.low)}-{_short(spread.high)}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
