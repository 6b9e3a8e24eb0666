"""ROC curves: malignant against benign for all runs, and each class against the rest for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from skin.analysis import metrics
from skin.analysis.drawing import LIGHT, Palette, Picture, draw
from skin.analysis.metrics import FloatArray
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.text import number

_HEIGHT = 4.2
_DASHES = ("solid", (0, (4, 2)), (0, (1, 1.5)))
_MOST = len(LIGHT.folds)  # runs on one figure, so that each has a colour of its own


class _Curve(NamedTuple):
    label: str
    false_positives: FloatArray
    true_positives: FloatArray


def malignancy_figure(comparison: Comparison) -> Picture | None:
    """Malignant against benign, a line a ranked run; None where one of the two does not occur.

    An image's score is the sum of its malignant classes' probabilities. Of many runs, the best
    by BACC are drawn.
    """
    curves = []
    for row in comparison.ranked[:_MOST]:
        truth = metrics.malignancy(row.entry.targets, row.entry.probabilities, comparison.task)
        label = f"{row.entry.name}{_marks(row)}"
        curves += _curve(label, row.scores.malignant_auc, *truth)
    if not curves:
        return None
    left_out = len(comparison.ranked) > _MOST
    title = "Malignant against benign" + (f": the {_MOST} best by BACC" if left_out else "")
    return _draw("ROC curve of each run for malignant against benign.", title, curves)


def class_figure(row: Row) -> Picture | None:
    """Each class against the rest, a line a class; None where only one class occurs."""
    targets, probabilities = row.entry.targets, row.entry.probabilities
    curves = []
    for i, code in enumerate(row.entry.task.codes):
        curves += _curve(code, row.scores.auc[i], targets == i, probabilities[:, i])
    if not curves:
        return None
    alt = f"{row.entry.name}: ROC curve of each class against the rest."
    return _draw(alt, "Each class against the rest", curves)


def _curve(name: str, area: float, positive: NDArray[np.bool_], scores: FloatArray) -> list[_Curve]:
    """The curve, if there are both positives and negatives."""
    if positive.all() or not positive.any():
        return []
    false_positives, true_positives, _ = roc_curve(positive, scores)
    return [_Curve(f"{name}  {number(area)}", false_positives, true_positives)]


def _draw(alt: str, title: str, curves: Sequence[_Curve]) -> Picture:
    def paint(axes: Axes, palette: Palette) -> None:
        axes.plot([0, 1], [0, 1], color=palette.rule, linewidth=1)
        for i, curve in enumerate(curves):
            axes.plot(
                curve.false_positives,
                curve.true_positives,
                color=palette.folds[i % len(palette.folds)],
                linestyle=_DASHES[i // len(palette.folds) % len(_DASHES)],
                label=curve.label,
            )
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", title=title)
        axes.set_xlabel("false positive rate (1 \N{MINUS SIGN} specificity)")
        axes.set_ylabel("true positive rate (sensitivity)")
        axes.grid(color=palette.rule, linewidth=0.8)
        legend = axes.legend(
            loc="lower right", title="AUC", frameon=False, labelcolor=palette.muted
        )
        legend.get_title().set_color(palette.muted)

    return draw(alt, _HEIGHT, paint)


def _marks(row: Row) -> str:
    return f" ({', '.join(row.marks)})" if row.marks else ""
