"""ROC and precision-recall curves: of malignant against benign, and of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

from skin.analysis import metrics
from skin.analysis.drawing import FULL_WIDTH, LIGHT, Palette, Picture, draw, draw_figure
from skin.analysis.layout import short
from skin.analysis.metrics import FloatArray
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.text import number

Kind = Literal["roc", "pr"]

KINDS: tuple[Kind, ...] = ("roc", "pr")
MOST = len(LIGHT.folds)  # runs on one figure, so that each has a colour of its own
_HEIGHT = 4.2
_DASHES = ("solid", (0, (4, 2)), (0, (1, 1.5)))
_COLUMNS = 4  # of small panels
_PANEL = 2.75  # the height of a small panel, in inches
_NAMES = {"roc": "ROC", "pr": "Precision-recall"}
_AREAS = {"roc": "AUC", "pr": "average precision"}
_AXES = {
    "roc": ("false positive rate (1 \N{MINUS SIGN} specificity)", "sensitivity"),
    "pr": ("recall (sensitivity)", "precision"),
}


class _Curve(NamedTuple):
    label: str
    x: FloatArray
    y: FloatArray
    area: float
    share: float  # of positives, where a precision-recall curve of chance lies


def malignancy_figure(comparison: Comparison, kind: Kind = "roc") -> Picture | None:
    """Malignant against benign, a line a ranked run; None where one of the two does not occur.

    An image's score is the sum of its malignant classes' probabilities. Of many runs, the best
    by BACC are drawn.
    """
    curves: list[_Curve] = []
    for row in comparison.ranked[:MOST]:
        truth = metrics.malignancy(row.entry.targets, row.entry.probabilities, comparison.task)
        curves += _curve(kind, f"{short(row.entry.name)}{_marks(row)}", *truth)
    if not curves:
        return None
    return _draw(
        kind,
        f"{_NAMES[kind]} curve of each run for malignant against benign.",
        f"{_NAMES[kind]}: malignant against benign{best_of(comparison)}",
        curves,
    )


def row_figure(row: Row, kind: Kind = "roc") -> Picture | None:
    """Each class against the rest, a line a class; None where only one class occurs."""
    targets, probabilities = row.entry.targets, row.entry.probabilities
    curves: list[_Curve] = []
    for i, code in enumerate(row.entry.task.codes):
        curves += _curve(kind, code, targets == i, probabilities[:, i])
    if not curves:
        return None
    alt = f"{row.entry.name}: {_NAMES[kind]} curve of each class against the rest."
    return _draw(kind, alt, f"{short(row.entry.name)}: {_NAMES[kind]}", curves)


def classes_figure(comparison: Comparison, kind: Kind = "roc") -> Picture | None:
    """Each class against the rest, a panel a class, a line a ranked run."""
    rows = comparison.ranked[:MOST]
    panels = {}
    for i, code in enumerate(comparison.task.codes):
        curves = [
            curve
            for row in rows
            for curve in _curve(
                kind,
                short(row.entry.name),
                row.entry.targets == i,
                row.entry.probabilities[:, i],
            )
        ]
        if curves:
            panels[code] = curves
    if not panels:
        return None
    deep = -(-(len(panels) + 1) // _COLUMNS)  # one more cell, for the legend

    def paint(figure: Figure, palette: Palette) -> None:
        grid = figure.subplots(deep, _COLUMNS, squeeze=False).ravel()
        for axes, (code, curves) in zip(grid, panels.items(), strict=False):
            _paint(axes, palette, kind, curves)
            best = max(curve.area for curve in curves)
            axes.set_title(f"{code} \N{MIDDLE DOT} {number(best)}", fontsize=9.5)
            axes.tick_params(labelsize=8)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        x, y = _AXES[kind]
        figure.supxlabel(x, fontsize=9, color=palette.muted)
        figure.supylabel(y, fontsize=9, color=palette.muted)
        handles, labels = grid[0].get_legend_handles_labels()
        grid[len(panels)].legend(
            handles, labels, loc="center left", frameon=False, labelcolor=palette.muted
        )

    alt = f"{_NAMES[kind]} curve of each class against the rest, a panel a class, a line a run."
    return draw_figure(alt, (FULL_WIDTH, _PANEL * deep), paint)


def best_of(comparison: Comparison) -> str:
    """What a title adds where not all ranked rows have room."""
    return f": the {MOST} best by BACC" if len(comparison.ranked) > MOST else ""


def _curve(
    kind: Kind, name: str, positive: NDArray[np.bool_], scores: FloatArray
) -> Sequence[_Curve]:
    """The curve, if there are both positives and negatives."""
    if positive.all() or not positive.any():
        return []
    share = float(positive.mean())
    if kind == "roc":
        x, y, _ = roc_curve(positive, scores)
        return [_Curve(name, x, y, metrics.auc(positive, scores), share)]
    precision, recall, _ = precision_recall_curve(positive, scores, drop_intermediate=True)
    area = float(average_precision_score(positive, scores))
    return [_Curve(name, recall, precision, area, share)]


def _paint(axes: Axes, palette: Palette, kind: Kind, curves: Sequence[_Curve]) -> None:
    chance = [0, 1] if kind == "roc" else [curves[0].share] * 2
    if kind == "roc" or len({curve.share for curve in curves}) == 1:
        axes.plot([0, 1], chance, color=palette.rule, linewidth=1)
    for i, curve in enumerate(curves):
        axes.plot(
            curve.x,
            curve.y,
            color=palette.folds[i % len(palette.folds)],
            linestyle=_DASHES[i // len(palette.folds) % len(_DASHES)],
            drawstyle="default" if kind == "roc" else "steps-post",
            label=curve.label,
        )
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.grid(color=palette.rule, linewidth=0.8)


def _draw(kind: Kind, alt: str, title: str, curves: Sequence[_Curve]) -> Picture:
    labelled = [curve._replace(label=f"{curve.label}  {number(curve.area)}") for curve in curves]

    def paint(axes: Axes, palette: Palette) -> None:
        _paint(axes, palette, kind, labelled)
        x, y = _AXES[kind]
        axes.set(title=title, xlabel=x, ylabel=y)
        legend = axes.legend(
            loc="lower right" if kind == "roc" else "lower left",
            title=_AREAS[kind],
            framealpha=0.85,
            edgecolor="none",
            labelcolor=palette.muted,
        )
        legend.get_title().set_color(palette.muted)

    return draw(alt, _HEIGHT, paint)


def _marks(row: Row) -> str:
    return f" ({', '.join(row.marks)})" if row.marks else ""
