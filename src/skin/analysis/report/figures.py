"""The report's figures of scores: intervals, differences, folds, cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from skin.analysis.drawing import (
    Palette,
    Picture,
    draw,
    height_of,
    name_rows,
    paint_dots,
    paint_intervals,
)
from skin.analysis.layout import DASHED, LEGEND, legend_below, short
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.text import plural

FIRST = 10  # rows in the figure that a reader sees first
_APART = 0.16  # of a row's height, between the two dots of one class and its middle
_COST_HEIGHT = 3.2
_TIMES = {60: "1 min", 600: "10 min", 3600: "1 h", 6 * 3600: "6 h", 86400: "1 d", 604800: "7 d"}


def scores_figure(comparison: Comparison) -> Picture:
    """BACC and its interval, a line a ranked run; of many, the best."""
    rows = comparison.ranked[:FIRST]
    names = [short(row.entry.name) for row in rows]
    intervals = [row.bootstrap.interval("bacc") for row in rows]

    def paint(axes: Axes, palette: Palette) -> None:
        if len(rows) > 1:
            axes.axvline(intervals[0].value, color=palette.muted, linewidth=1, linestyle=DASHED)
        paint_intervals(axes, palette, names, intervals)
        axes.set_title(f"Balanced accuracy{_best_of(comparison)}, 95 % intervals")

    return draw("Balanced accuracy of each run with its interval.", height_of(names), paint)


def differences_figure(comparison: Comparison) -> Picture | None:
    """Paired differences in BACC to the reference; None where there is no other run."""
    pairs = [(short(row.entry.name), row.difference) for row in comparison.ranked]
    names = [name for name, difference in pairs if difference]
    differences = [difference for _, difference in pairs if difference]
    if not names:
        return None

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.muted, linewidth=1, linestyle=DASHED)
        paint_intervals(axes, palette, names, differences)
        axes.set_title(f"Difference in BACC to {short(comparison.reference.entry.name)}, paired")

    alt = "Paired difference in balanced accuracy of each run to one of them, with its interval."
    return draw(alt, height_of(names), paint)


def folds_figure(comparison: Comparison) -> Picture:
    """The BACC of each fold of each run, a dot a fold, and their mean."""
    rows = comparison.rows
    names = [short(row.entry.name) for row in rows]
    numbers = sorted({fold for row in rows for fold in row.folds})

    def paint(axes: Axes, palette: Palette) -> None:
        for number in numbers:
            held = [
                (row.folds[number].bacc, i) for i, row in enumerate(rows) if number in row.folds
            ]
            axes.plot(
                *zip(*held, strict=True),
                "o",
                color=palette.folds[number % len(palette.folds)],
                markersize=6,
                alpha=0.9,
                label=f"fold {number}",
            )
        means = [row.over_folds("bacc")[0] for row in rows]
        axes.plot(means, range(len(rows)), "|", color=palette.ink, ms=14, mew=1.5, label="mean")
        name_rows(axes, palette, names)
        legend_below(axes, palette)
        axes.set_title("BACC of each fold alone")

    alt = f"Balanced accuracy of each of {plural(len(numbers), 'fold')} of each run."
    return draw(alt, height_of(names) + LEGEND * (1 + (len(numbers) + 1) // 5), paint)


def recall_figure(best: Row, other: Row | None) -> Picture:
    """Recall of each class with its interval, of one or of two rows."""
    codes = best.entry.task.codes

    def paint(axes: Axes, palette: Palette) -> None:
        if other is None:
            paint_intervals(axes, palette, codes, best.bootstrap.recall_intervals())
        else:
            upper, lower = ([i + shift for i in range(len(codes))] for shift in (-_APART, _APART))
            paint_dots(
                axes,
                upper,
                best.bootstrap.recall_intervals(),
                palette.accent,
                label=short(best.entry.name),
            )
            paint_dots(
                axes,
                lower,
                other.bootstrap.recall_intervals(),
                palette.muted,
                fill=palette.paper,
                label=short(other.entry.name),
            )
            name_rows(axes, palette, codes)
            legend_below(axes, palette, columns=2)
        axes.set_title("Recall by class, 95 % intervals")

    names = best.entry.name if other is None else f"{best.entry.name} and {other.entry.name}"
    alt = f"Recall of each class with its interval: {names}."
    return draw(alt, height_of(codes) + (LEGEND if other else 0), paint)


def cost_figure(comparison: Comparison) -> Picture | None:
    """BACC over training time; None unless two rows recorded theirs."""
    rows = [row for row in comparison.ranked if row.entry.seconds]
    if len(rows) <= 1:
        return None
    seconds = np.array([row.entry.seconds for row in rows], dtype=float)
    intervals = [row.bootstrap.interval("bacc") for row in rows]

    def paint(axes: Axes, palette: Palette) -> None:
        for i, (x, it) in enumerate(zip(seconds, intervals, strict=True)):
            color = palette.folds[i % len(palette.folds)]
            axes.vlines(x, it.low, it.high, color=color, linewidth=2)
            marker = "D" if rows[i].entry.kind == "ensemble" else "o"
            label = short(rows[i].entry.name)
            axes.plot(x, it.value, marker, color=color, markersize=7, label=label)
        axes.set_xscale("log")
        axes.set_xlim(seconds.min() / 1.6, seconds.max() * 1.6)
        low, high = axes.get_xlim()
        ticks = {at: name for at, name in _TIMES.items() if low <= at <= high}
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("training time of all folds and members, log scale")
        axes.grid(color=palette.rule, linewidth=0.8)
        axes.set_title("BACC over training time")
        legend_below(axes, palette, columns=2)

    height = _COST_HEIGHT + LEGEND * ((len(rows) + 1) // 2) * 0.6
    return draw("Balanced accuracy of each run over its training time.", height, paint)


def counts_figure(counts: pd.DataFrame) -> Picture:
    """Images and lesions of each class, as bars.

    Args:
        counts: a row a class, with its code as `class`, `images` and `lesions`.
    """
    codes = counts["class"].tolist()

    def paint(axes: Axes, palette: Palette) -> None:
        places = np.arange(len(codes))
        bars = axes.barh(places, counts["images"], 0.62, color=palette.accent, label="images")
        axes.barh(places, counts["lesions"], 0.24, color=palette.ink, label="lesions")
        axes.bar_label(bars, [f" {count:,}" for count in counts["images"]], color=palette.muted)
        name_rows(axes, palette, codes)
        axes.set_xlim(0, counts["images"].max() * 1.15)
        axes.set_title("Images and lesions")
        legend_below(axes, palette)

    return draw("Images and lesions of each class.", height_of(codes) + LEGEND, paint)


def _best_of(comparison: Comparison) -> str:
    return f" of the {FIRST} best" if len(comparison.ranked) > FIRST else ""
