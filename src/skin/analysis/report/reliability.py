"""Reliability diagrams of several rows."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skin.analysis.calibration import Calibration
from skin.analysis.drawing import FULL_WIDTH, Palette, Picture, draw_figure
from skin.analysis.layout import short
from skin.analysis.text import number

_COLUMNS = 4
_PANEL = 2.75  # inches
_LARGEST = 110.0  # the area of the fullest bin's dot, in square points
_SMALLEST = 5.0


def diagrams(names: Sequence[str], calibrations: Sequence[Calibration]) -> Picture:
    """Accuracy over confidence, a panel a row; a dot's area is its bin's share of the images."""
    deep = -(-len(names) // _COLUMNS)

    def paint(figure: Figure, palette: Palette) -> None:
        grid = figure.subplots(deep, _COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
        for axes, name, it in zip(grid, names, calibrations, strict=False):
            _paint(axes, palette, it)
            axes.set_title(f"{short(name, 22)}\nECE {number(it.ece)}", fontsize=9.5)
        for axes in grid[len(names) :]:
            axes.set_axis_off()
        figure.supxlabel("confidence: the highest probability", fontsize=9, color=palette.muted)
        figure.supylabel("share decided right", fontsize=9, color=palette.muted)

    alt = "Reliability diagrams: accuracy over confidence, a panel a run."
    return draw_figure(alt, (FULL_WIDTH, _PANEL * deep + 0.3), paint)


def _paint(axes: Axes, palette: Palette, calibration: Calibration) -> None:
    bins = calibration.reliability
    filled = bins.count > 0
    confidence, accuracy, count = (
        values[filled] for values in (bins.confidence, bins.accuracy, bins.count)
    )
    axes.plot([0, 1], [0, 1], color=palette.muted, linewidth=1, linestyle=(0, (3, 3)))
    axes.vlines(confidence, confidence, accuracy, color=palette.folds[1], linewidth=1.2)
    axes.scatter(
        confidence,
        accuracy,
        s=_SMALLEST + _LARGEST * count / count.max(),
        color=palette.accent,
        linewidth=0,
        clip_on=False,
        zorder=2.5,
    )
    axes.set(xlim=(0, 1.03), ylim=(0, 1.03), aspect="equal")
    axes.tick_params(labelsize=8)
    axes.grid(color=palette.rule, linewidth=0.8)
