"""ROC and precision-recall curves of every class."""

from __future__ import annotations

from skin.analysis.blocks import Block, Group, Plot, Section
from skin.analysis.report import roc
from skin.analysis.report.context import Context

_INTRO = (
    "Each class against the rest by its probability, whatever the decision. Beside a class's name: "
    "the largest area of the rows."
)
_CAPTIONS = {
    "roc": "ROC curves; the figure beside each class is the AUC. The diagonal is chance.",
    "pr": (
        "Precision-recall curves; the figure beside each class is the average precision. The "
        "level line is chance: the class's share of the images."
    ),
}


def section(context: Context) -> Section | None:
    """Give the classes' curves of all ranked rows, and each row's own."""
    comparison = context.comparison
    both = {kind: roc.classes_figure(comparison, kind) for kind in roc.KINDS}
    blocks: list[Block] = [
        Plot(f"{kind}-classes", picture, _CAPTIONS[kind], wide=True)
        for kind, picture in both.items()
        if picture
    ]
    if not blocks:
        return None
    each = [
        Plot(f"{kind}-{row.entry.name}", picture)
        for row in comparison.rows
        for kind in roc.KINDS
        if (picture := roc.row_figure(row, kind))
    ]
    blocks.append(Group("All classes of each row", each, closed=True))
    return Section("curves", "Curves", blocks, _INTRO)
