"""The classification report of each run: every class's scores, and their means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from skin.analysis import metrics
from skin.analysis.report.compare import Comparison, Row

COLUMNS = {
    "precision": "Precision",
    "recall": "Recall",
    "specificity": "Specificity",
    "f1": "F1",
    "auc": "AUC",
    "average_precision": "AP",
}
MEAN = "mean"


def per_class_table(comparison: Comparison) -> pd.DataFrame:
    """One row a class of each run, in task order; an empty cell is undefined."""
    return pd.concat([class_table(row) for row in comparison.rows], ignore_index=True)


def class_table(row: Row) -> pd.DataFrame:
    """The same of one run."""
    scores = class_scores(row)
    return pd.DataFrame(
        [
            {
                "run": row.entry.name,
                "marks": ", ".join(row.marks),
                "class": code,
                **{key: scores[key][i] for key in COLUMNS},
                "support": row.scores.support[i],
            }
            for i, code in enumerate(row.entry.task.codes)
        ]
    )


def class_scores(row: Row) -> Mapping[str, tuple[float, ...]]:
    """The scores of `COLUMNS` of each class, in task order."""
    known = {key: getattr(row.scores, key) for key in COLUMNS if key != "average_precision"}
    return {**known, "average_precision": _average_precision(row)}


def class_lines(row: Row) -> Iterator[tuple[str, list[float], int]]:
    """Each class's code, scores and images, then the means over the classes that occur."""
    scores = class_scores(row)
    for i, code in enumerate(row.entry.task.codes):
        yield code, [scores[key][i] for key in COLUMNS], row.scores.support[i]
    occurs = np.array(row.scores.support) > 0
    means = [float(metrics.mean_defined(np.where(occurs, scores[key], np.nan))) for key in COLUMNS]
    yield MEAN, means, sum(row.scores.support)


def _average_precision(row: Row) -> tuple[float, ...]:
    """Average precision of each class against the rest; NaN unless both occur."""
    targets, probabilities = row.entry.targets, row.entry.probabilities
    return tuple(
        float(average_precision_score(targets == i, probabilities[:, i]))
        if 0 < row.scores.support[i] < len(targets)
        else float("nan")
        for i in range(len(row.entry.task))
    )
