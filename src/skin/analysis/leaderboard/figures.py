"""The leaderboard's rows as figures: scores, gains, what each class gets."""

from __future__ import annotations

from matplotlib.axes import Axes

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
from skin.analysis.leaderboard.facts import best_run, chosen, plain_argmax
from skin.analysis.statistics import Interval
from skin.ensembling.assessment import Assessment, Line

_LONGEST_STEP = 36  # letters
_APART = 0.16  # of a row's height, between the two dots of one class and its middle


def ranking_figure(assessment: Assessment) -> Picture:
    """BACC of all runs and methods with intervals, and in-sample beside it."""
    lines = assessment.lines
    names = [short(line.name) for line in lines]
    places = range(len(lines))

    def paint(axes: Axes, palette: Palette) -> None:
        best = best_run(assessment).bootstrap.scores.bacc
        axes.axvline(best, color=palette.muted, linewidth=1, linestyle=DASHED)
        looks = {
            "run": (palette.muted, "o", palette.paper),
            "method": (palette.accent, "o", palette.accent),
            "chosen": (palette.folds[1], "D", palette.folds[1]),
        }
        for sort, (color, marker, fill) in looks.items():
            rows = [place for place in places if _sort(lines[place]) == sort]
            intervals = [lines[row].bootstrap.interval("bacc") for row in rows]
            if rows:
                paint_dots(axes, rows, intervals, color, marker=marker, fill=fill, label=sort)
        optimistic = [line.in_sample for line in lines]
        axes.plot(optimistic, places, "|", color=palette.ink, ms=9, mew=1.5, label="in-sample")
        name_rows(axes, palette, names)
        legend_below(axes, palette)
        axes.set_title("Balanced accuracy, nested")

    alt = "Balanced accuracy of each run and method with its interval, nested and in-sample."
    return draw(alt, height_of(names) + LEGEND, paint)


def steps_figure(assessment: Assessment) -> Picture | None:
    """The paired gain of each step; None where there are none."""
    gains = [
        (short(f"{place}. {step.title}", _LONGEST_STEP), step.gain)
        for place, step in enumerate(assessment.steps, start=1)
    ]
    names = [name for name, gain in gains if gain]
    if not names:
        return None

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.muted, linewidth=1, linestyle=DASHED)
        paint_intervals(axes, palette, names, [gain for _, gain in gains if gain])
        axes.set_title("Gain in balanced accuracy, paired")

    return draw("Paired gain of each step over the one before.", height_of(names), paint)


def recall_figure(assessment: Assessment) -> Picture:
    """Recall of each class by plain argmax and by the chosen rule."""
    plain, rule = plain_argmax(assessment), chosen(assessment.rules)
    codes = assessment.task.codes

    def paint(axes: Axes, palette: Palette) -> None:
        of_rule = rule.bootstrap.recall_intervals()
        if rule is plain:
            paint_intervals(axes, palette, codes, of_rule)
        else:
            of_argmax = plain.bootstrap.recall_intervals()
            lower, upper = ([i + shift for i in range(len(codes))] for shift in (_APART, -_APART))
            paint_dots(
                axes, upper, of_argmax, palette.muted, fill=palette.paper, label="plain argmax"
            )
            paint_dots(axes, lower, of_rule, palette.accent, label=short(rule.name))
            name_rows(axes, palette, codes)
            legend_below(axes, palette)
        axes.set_title("Recall by class")

    return draw("Recall of each class with its interval.", height_of(codes) + LEGEND, paint)


def coverage_figure(assessment: Assessment) -> Picture:
    """Of each class, the share whose prediction set holds it, and what was asked for."""
    codes, sets = assessment.task.codes, assessment.sets

    def paint(axes: Axes, palette: Palette) -> None:
        bars = [_from(sets.asked, float(coverage)) for coverage in sets.coverage]
        axes.axvline(sets.asked, color=palette.muted, linewidth=1, linestyle=DASHED)
        paint_intervals(axes, palette, codes, bars)
        axes.set_title(f"Coverage of prediction sets; asked: {sets.asked:g}")

    return draw("Share of each class that its prediction sets hold.", height_of(codes), paint)


def _sort(line: Line) -> str:
    return "chosen" if line.chosen else line.kind


def _from(start: float, value: float) -> Interval:
    """A line from one value to another, with the dot on the other."""
    return Interval(value, min(start, value), max(start, value))
