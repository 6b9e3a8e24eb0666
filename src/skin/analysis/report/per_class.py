"""The classification report of each run: every class's scores, and their means."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from skin.analysis.report.compare import Comparison, Row
from skin.analysis.text import number

COLUMNS = {
    "precision": "Precision",
    "recall": "Recall",
    "specificity": "Specificity",
    "f1": "F1",
    "auc": "AUC",
}
_MEANS = {
    "precision": "macro_precision",
    "recall": "bacc",
    "specificity": "macro_specificity",
    "f1": "macro_f1",
    "auc": "macro_auc",
}


def per_class_table(comparison: Comparison) -> pd.DataFrame:
    """One row a class of each run, in task order; an empty cell is undefined."""
    return pd.DataFrame(
        [
            {
                "run": row.entry.name,
                "marks": ", ".join(row.marks),
                "class": code,
                **{key: getattr(row.scores, key)[i] for key in COLUMNS},
                "support": row.scores.support[i],
            }
            for row in comparison.rows
            for i, code in enumerate(comparison.task.codes)
        ]
    )


def class_lines(row: Row) -> Iterator[tuple[str, list[str]]]:
    """Each class's code and cells as text, then those of the mean over the classes that occur."""
    for i, code in enumerate(row.entry.task.codes):
        values = [number(getattr(row.scores, key)[i]) for key in COLUMNS]
        yield code, [*values, f"{row.scores.support[i]:,}"]
    means = [number(getattr(row.scores, key)) for key in _MEANS.values()]
    yield "mean", [*means, f"{sum(row.scores.support):,}"]
