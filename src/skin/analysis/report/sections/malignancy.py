"""Malignant against benign: what a clinician asks first."""

from __future__ import annotations

import pandas as pd

from skin.analysis.blocks import Block, Plot, Section, Table
from skin.analysis.cells import ends, score_cell
from skin.analysis.report import roc
from skin.analysis.report.cells import line
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.report.context import Context
from skin.analysis.report.operating import LEVELS, OperatingPoints, operating_points
from skin.analysis.statistics import Interval
from skin.analysis.text import number, span

_INTRO = (
    "An image's score is the sum of the probabilities of {malignant}. Each threshold is set on the "
    "images that it is measured on, and in each bootstrap resample anew: these are points of the "
    "ROC curve, and a threshold that is fixed beforehand reaches its level on new images only "
    "about."
)
_CLINIC = 0.90  # the specificity that the finding names


def section(context: Context) -> Section | None:
    """Give sensitivity at fixed specificity and back, AUC, average precision and the curves."""
    comparison = context.comparison
    points = {row.entry.name: operating_points(row) for row in comparison.rows}
    best = points[comparison.best.entry.name]
    if best is None:
        return None
    figures = {kind: roc.malignancy_figure(comparison, kind) for kind in roc.KINDS}
    blocks: list[Block] = [
        _table(comparison, points),
        *(Plot(f"{kind}-malignant", it) for kind, it in figures.items() if it),
    ]
    return Section(
        "malignancy",
        "Malignant or benign",
        blocks,
        _INTRO.format(malignant=", ".join(comparison.task.malignant)),
        _finding(comparison.best, best),
    )


def _table(comparison: Comparison, points: dict[str, OperatingPoints | None]) -> Table:
    measured = [(row, it) for row in comparison.rows if (it := points[row.entry.name])]
    figures = {row.entry.name: _figures(row, it) for row, it in measured}
    records = [
        {
            "run": row.entry.name,
            "marks": ", ".join(row.marks),
            **ends(figures[row.entry.name]),
        }
        for row, _ in measured
    ]
    return Table(
        name="malignancy",
        title="",
        heads=["Run", "AUC", "AP", *_heads("Sens.", "spec."), *_heads("Spec.", "sens.")],
        lines=[
            line(comparison, row, [score_cell(it) for it in figures[row.entry.name].values()])
            for row, _ in measured
        ],
        frame=pd.DataFrame(records),
        caption="Sensitivity at a specificity of at least each level, and the reverse.",
    )


def _heads(what: str, at: str) -> list[str]:
    return [f"{what} at {at} {level:.2f}" for level in LEVELS]


def _figures(row: Row, points: OperatingPoints) -> dict[str, Interval]:
    """The row's figures by the names of their columns."""
    at_specificity = zip(LEVELS, points.sensitivity, strict=True)
    at_sensitivity = zip(LEVELS, points.specificity, strict=True)
    return {
        "auc": row.bootstrap.interval("malignant_auc"),
        "average_precision": points.average_precision,
        **{f"sensitivity_at_specificity_{level:.2f}": it for level, it in at_specificity},
        **{f"specificity_at_sensitivity_{level:.2f}": it for level, it in at_sensitivity},
    }


def _finding(best: Row, points: OperatingPoints) -> str:
    found = points.sensitivity[LEVELS.index(_CLINIC)]
    return (
        f"{best.entry.name} finds {number(found.value)} ({span(found)}) of the malignant images at "
        f"specificity {_CLINIC:.2f}; AUC {number(best.scores.malignant_auc)}."
    )
