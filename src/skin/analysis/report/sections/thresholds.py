"""The official scorer's figures, which call a class at above 0.5."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skin.analysis.blocks import Block, Cell, Group, Line, Section, Table
from skin.analysis.cells import value_cell
from skin.analysis.isic_metric import Metric
from skin.analysis.isic_score import IsicScore, score
from skin.analysis.isic_truth import Truth
from skin.analysis.report import wording
from skin.analysis.report.cells import line
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.report.context import Context

_INTRO = (
    "As the ISIC challenges' official scorer computes them, from the values that a submission "
    "holds: a class is called where its value is above 0.5, each class for itself, so that an "
    "image may be called for none. They are other figures than the argmax ones elsewhere in this "
    "report: only BACC is the same. A ratio of nothing counts as 1, and AUC from sensitivity 0.80 "
    "is the area of that part of the ROC curve alone."
)
_RULE = (
    "Rows with a decision rule are scored by the values that the rule makes, as `skin predict` "
    "submits them where BACC ranks; their AUCs and average precisions are of these too."
)
HEADS = {
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "dice": "Dice",
    "ppv": "PPV",
    "npv": "NPV",
    "auc": "AUC",
    "auc_sens_80": "AUC from 0.80",
    "ap": "AP",
}


def section(context: Context) -> Section:
    """Give the means of all rows, and each row's classes."""
    comparison = context.comparison
    scores = {row.entry.name: official(row) for row in comparison.rows}
    ruled = any(row.entry.rule for row in comparison.rows)
    blocks: list[Block] = [
        _means(comparison, scores),
        Group(
            "Each class of each row, at above 0.5",
            [_classes(row, scores[row.entry.name]) for row in comparison.rows],
            closed=True,
        ),
    ]
    intro = f"{_INTRO} {_RULE}" if ruled else _INTRO
    return Section("thresholds", "Official figures at above 0.5", blocks, intro)


def official(row: Row) -> IsicScore:
    """Score a row's pooled predictions as the official scorer would a submission of them.

    Every image counts 1; the scorer's own weights are of the challenge's test images.
    """
    entry = row.entry
    images, codes = entry.oof["image_id"], list(entry.task.codes)
    labels = np.eye(len(codes), dtype=bool)[entry.targets]
    truth = Truth(pd.DataFrame(labels, images, codes), np.ones(len(labels)), np.ones(len(labels)))
    # A rule's scores may exceed 1 by rounding, and a submission is cut there as well.
    values = pd.DataFrame(entry.scores.clip(0, 1), images, codes)
    return score(values, truth, Metric.BALANCED_ACCURACY)


def _means(comparison: Comparison, scores: dict[str, IsicScore]) -> Table:
    rows = [(row, scores[row.entry.name]) for row in comparison.rows]
    return Table(
        name="official",
        title="Means over the classes, at above 0.5",
        heads=["Run", "BACC (argmax)", *HEADS.values()],
        lines=[
            line(comparison, row, [value_cell(it.balanced_accuracy), *_cells(it.macro)])
            for row, it in rows
        ],
        frame=pd.DataFrame(
            [
                {
                    "run": row.entry.name,
                    "marks": ", ".join(row.marks),
                    "balanced_accuracy_argmax": it.balanced_accuracy,
                    **{f"{name}_mean": it.macro[name] for name in HEADS},
                }
                for row, it in rows
            ]
        ),
    )


def _classes(row: Row, scores: IsicScore) -> Table:
    table = scores.per_class
    return Table(
        name=f"official-{row.entry.name}",
        title=wording.labelled(row),
        heads=["Class", *HEADS.values()],
        lines=[Line(str(code), _cells(figures)) for code, figures in table.iterrows()],
        frame=table[list(HEADS)].rename_axis("class").reset_index(),
    )


def _cells(figures: pd.Series[float]) -> list[Cell]:
    return [value_cell(float(figures[name])) for name in HEADS]
