"""BACC over severity as small multiples: a panel a corruption, a line a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from skin.analysis.drawing import FULL_WIDTH, LIGHT, Palette, Picture, draw_figure
from skin.analysis.probes.results import Damage, RobustnessResult
from skin.analysis.probes.severities import CORRUPTIONS, SEVERITIES
from skin.analysis.statistics import Interval

MOST = len(LIGHT.folds)
"""Runs on one figure, so that each has a colour of its own."""

_COLUMNS = 4
_PANEL = 2.1  # inches
_BAND = 0.14  # opacity
_MARKERS = "osD^vPX"
_DOTTED = (0, (1, 2))
_ALL = "Mean of all"


def severity_curves(results: Mapping[str, RobustnessResult]) -> Picture:
    """Draw up to `MOST` runs.

    Args:
        results: by run.
    """
    panels = len(CORRUPTIONS) + 2  # the mean before them, the legend after them
    deep = -(-panels // _COLUMNS)
    chance = _chance(results)

    def paint(figure: Figure, palette: Palette) -> None:
        grid = figure.subplots(deep, _COLUMNS, sharex=True, sharey=True).ravel()
        for axes, title, curves in zip(
            grid, _titles(), _curves(list(results.values())), strict=False
        ):
            _paint(axes, palette, title, curves)
            if chance is not None:
                axes.axhline(chance, color=palette.muted, linewidth=1, linestyle=_DOTTED)
        for axes in grid[panels - 1 :]:
            axes.set_axis_off()
        _legend(grid[panels - 1], palette, list(results), dotted=chance is not None)
        figure.supxlabel("severity; 0: the image as it is", fontsize=9, color=palette.muted)
        figure.supylabel("BACC", fontsize=9, color=palette.muted)

    alt = (
        "BACC over severity 0 to 5, a panel each for "
        f"{', '.join(_titles()).lower()}; a line a run: {', '.join(results)}."
    )
    return draw_figure(alt, (FULL_WIDTH, _PANEL * deep + 0.3), paint)


def _titles() -> list[str]:
    return [_ALL, *(corruption.title for corruption in CORRUPTIONS.values())]


def _curves(results: Sequence[RobustnessResult]) -> Iterator[list[list[Interval]]]:
    """Each panel's curves, from severity 0 on."""
    yield [_curve(result, result.by_severity) for result in results]
    for name in CORRUPTIONS:
        yield [_curve(result, result.severities[name]) for result in results]


def _curve(result: RobustnessResult, damages: Sequence[Damage]) -> list[Interval]:
    return [result.clean.interval, *(damage.bacc.interval for damage in damages)]


def _chance(results: Mapping[str, RobustnessResult]) -> float | None:
    """What guessing scores, where that is the same for all."""
    classes = {result.classes for result in results.values()}
    return 1 / classes.pop() if len(classes) == 1 else None


def _paint(axes: Axes, palette: Palette, title: str, curves: Sequence[Sequence[Interval]]) -> None:
    across = (0, *SEVERITIES)
    for i, curve in enumerate(curves):
        axes.fill_between(
            across,
            [point.low for point in curve],
            [point.high for point in curve],
            color=palette.folds[i],
            alpha=_BAND,
            linewidth=0,
        )
        axes.plot(
            across,
            [point.value for point in curve],
            color=palette.folds[i],
            marker=_MARKERS[i],
            markersize=3.5,
        )
    axes.set_title(title, fontsize=9.5, pad=5)
    axes.set_xticks(across)
    axes.tick_params(labelsize=8)
    axes.grid(color=palette.rule, linewidth=0.8)


def _legend(axes: Axes, palette: Palette, names: Sequence[str], *, dotted: bool) -> None:
    handles = [
        Line2D([], [], color=palette.folds[i], marker=_MARKERS[i], markersize=4)
        for i in range(len(names))
    ]
    chance = Line2D([], [], color=palette.muted, linewidth=1, linestyle=_DOTTED)
    axes.legend(
        [*handles, chance] if dotted else handles,
        [*names, "chance"] if dotted else names,
        loc="center",
        frameon=False,
        labelcolor=palette.ink,
    )
