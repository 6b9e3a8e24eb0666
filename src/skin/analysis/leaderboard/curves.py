"""How far probabilities and doubt can be trusted: reliability, and risk over coverage."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from skin.analysis.drawing import Palette, Picture, draw
from skin.analysis.layout import DASHED, LEGEND, legend_below
from skin.analysis.leaderboard.facts import chosen
from skin.analysis.text import number
from skin.ensembling.assessment import Assessment, CalibrationLine

_HEIGHT = 3.9
_POINTS = 400  # of a curve, more than its pixels tell apart
_LARGEST = 160.0  # area of the dot of the fullest bin, in square points
_SMALLEST = 6.0


def reliability_figure(assessment: Assessment) -> Picture:
    """Accuracy over confidence, before calibration and by the chosen one."""
    after = chosen(assessment.calibrations)
    before = next(line for line in assessment.calibrations if line.name == "none")

    def paint(axes: Axes, palette: Palette) -> None:
        axes.plot([0, 1], [0, 1], color=palette.muted, linewidth=1, linestyle=DASHED)
        if before is not after:
            _reliability(axes, before, palette.muted, "before", hollow=palette.paper)
        _reliability(axes, after, palette.accent, after.name)
        axes.set(xlim=(0, 1.03), ylim=(0, 1.03), xlabel="confidence: the highest probability")
        axes.set_ylabel("share decided right")
        axes.grid(color=palette.rule, linewidth=0.8)
        legend_below(axes, palette)
        axes.set_title("Reliability")

    return draw("Accuracy over confidence, before and after calibration.", _HEIGHT + LEGEND, paint)


def risk_figure(assessment: Assessment) -> Picture:
    """The share of wrong decisions over the share of cases that are kept."""
    selective = assessment.selective

    def paint(axes: Axes, palette: Palette) -> None:
        last = len(selective.coverage) - 1
        shown = np.unique(np.linspace(0, last, min(last + 1, _POINTS)).round().astype(int))
        axes.plot(selective.coverage[shown], selective.risk[shown], color=palette.accent)
        axes.plot(
            1 - selective.referred,
            selective.kept_risk,
            "D",
            color=palette.folds[1],
            markersize=7,
            clip_on=False,
            label=f"{number(selective.referred)} referred: "
            f"{number(selective.kept_risk)} of the others wrong",
        )
        axes.set(xlim=(0, 1.03), xlabel="share of the images kept, the surest first")
        axes.set_ylim(bottom=0)
        axes.set_ylabel("share of these decided wrong")
        axes.grid(color=palette.rule, linewidth=0.8)
        legend_below(axes, palette)
        axes.set_title(f"Risk over coverage; area {number(selective.area)}")

    return draw("Share of wrong decisions over the share of images kept.", _HEIGHT + LEGEND, paint)


def _reliability(
    axes: Axes, line: CalibrationLine, color: str, label: str, hollow: str | None = None
) -> None:
    bins = line.calibration.reliability
    filled = bins.count > 0
    confidence, accuracy, count = (
        values[filled] for values in (bins.confidence, bins.accuracy, bins.count)
    )
    axes.scatter(
        confidence,
        accuracy,
        s=_SMALLEST + _LARGEST * count / max(count.max(initial=0), 1),
        facecolor=hollow or color,
        edgecolor=color,
        linewidth=1.5,
        alpha=0.85,
        label=label,
        clip_on=False,
        zorder=2.5,
    )
