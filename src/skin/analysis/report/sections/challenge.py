"""What the challenges rank by, of predictions that could be submitted to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from skin.analysis.blocks import Cell, Line, Section, Table, Words
from skin.analysis.cells import ends, score_cell
from skin.analysis.report.challenge_scores import Figure, Leader, challenge_figures, leader
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.report.context import Context
from skin.analysis.text import PERCENT

_INTRO = (
    "The figure of each challenge that the classes can be submitted to, out of fold: on these "
    "images, not on the challenge's own. BACC is of the decided class; AUC and pAUC, the area "
    "above a sensitivity of 0.8 (at most 0.2, a constant 0.02), are of the probabilities, summed "
    "over the classes that a column means."
)
_CAPTION = (
    f"Below each score its 95{PERCENT} interval, by bootstrap over lesions. A score is set off "
    "where it is the highest of the ranked rows and paired tests on the same resamples, corrected "
    "by Holm's method, tell it apart from each of the others."
)
_UNKNOWN = (
    "These images are all of known classes: column {column} of {task}, for lesions that are of "
    "none, is not part of its BACC here."
)


def section(context: Context) -> Section | None:
    """Give each row's figures; None where no challenge takes the task or none is defined."""
    comparison = context.comparison
    figures = {row.entry.name: challenge_figures(row) for row in comparison.rows}
    places = range(len(figures[comparison.best.entry.name]))
    leaders = [_leader(comparison, figures, place) for place in places]
    if not any(leaders):
        return None
    task = comparison.task
    notes = [_UNKNOWN.format(task=task.name, column=task.unknown)] if task.unknown else []
    table = _table(comparison, figures, leaders)
    return Section("challenges", "Challenge metrics", [table, *map(Words, notes)], _INTRO)


def _leader(
    comparison: Comparison, figures: Mapping[str, Sequence[Figure]], place: int
) -> Leader | None:
    names = [row.entry.name for row in comparison.ranked]
    return leader({name: figures[name][place] for name in names})


def _table(
    comparison: Comparison,
    figures: Mapping[str, Sequence[Figure]],
    leaders: Sequence[Leader | None],
) -> Table:
    best = figures[comparison.best.entry.name]
    return Table(
        name="challenges",
        title="",
        heads=["Run", *(figure.title for figure in best)],
        lines=[
            Line(
                row.entry.name,
                [
                    _cell(row, figure, first)
                    for figure, first in zip(figures[row.entry.name], leaders, strict=True)
                ],
                row.marks,
            )
            for row in comparison.rows
        ],
        frame=pd.DataFrame(
            [
                _record(row, figure, first)
                for row in comparison.rows
                for figure, first in zip(figures[row.entry.name], leaders, strict=True)
            ]
        ),
        caption=_CAPTION,
    )


def _cell(row: Row, figure: Figure, first: Leader | None) -> Cell:
    cell = score_cell(figure.interval)
    return replace(cell, tone="good") if _leads(row, first) else cell


def _leads(row: Row, first: Leader | None) -> bool:
    return first is not None and first.row == row.entry.name and first.told_apart


def _record(row: Row, figure: Figure, first: Leader | None) -> dict[str, object]:
    name = row.entry.name
    return {
        "run": name,
        "marks": ", ".join(row.marks),
        "challenge": figure.challenge,
        "metric": figure.metric,
        "column": figure.column,
        **ends({"value": figure.interval}),
        "highest": first.row if first else None,
        **ends({"behind": first.gaps.get(name) if first else None}),
        "p_holm": first.p_holm.get(name) if first else None,
        "best": _leads(row, first),
    }
