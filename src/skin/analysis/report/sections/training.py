"""How the runs learnt: every fold's curves."""

from __future__ import annotations

import pandas as pd

from skin.analysis.blocks import Group, Plot, Section
from skin.analysis.report import learning, wording
from skin.analysis.report.context import Context

_INTRO = (
    "Balanced accuracy and losses of every fold, epoch by epoch; all runs share a scale. The "
    "losses of training and of the held-out fold are of other images and, where training augments "
    "or mixes images, of other tasks: compare their courses, not their heights."
)


def section(context: Context) -> Section | None:
    """Give two figures a run; ensembles were not trained."""
    comparison = context.comparison
    trained = [row for row in comparison.rows if row.entry.folds]
    if not trained:
        return None
    seen = pd.concat([fold.history["valid_bacc"] for row in trained for fold in row.entry.folds])
    scale = float(seen.min()), float(seen.max())
    groups = []
    for row in trained:
        bacc, loss = learning.figures(row.entry, scale)
        name = row.entry.name
        plots = [Plot(f"learning-bacc-{name}", bacc), Plot(f"learning-loss-{name}", loss)]
        groups.append(Group(wording.labelled(row), plots))
    return Section("training", "Learning curves", groups, _INTRO)
