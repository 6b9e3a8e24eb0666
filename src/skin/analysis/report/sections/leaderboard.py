"""Which row is best, by how much, and how sure that is."""

from __future__ import annotations

from dataclasses import replace

from skin.analysis.blocks import Block, Cell, Line, Plot, Section, Table
from skin.analysis.cells import gap_cell, score_cell
from skin.analysis.report import figures, wording
from skin.analysis.report.cells import line
from skin.analysis.report.compare import SCORES, Comparison, Row
from skin.analysis.report.context import Context
from skin.analysis.report.tables import comparison_table, fold_table
from skin.analysis.text import mean_and_deviation

_INTRO = (
    "Pooled out-of-fold predictions; below each score its 95 % interval, by bootstrap over lesions."
)
_SPREAD = (
    "Each fold has its own images and its own training, so their spread holds both; "
    "the bar is their mean, not the pooled score."
)


def section(context: Context) -> Section:
    """Give the ranking, the differences and the folds' spread."""
    comparison = context.comparison
    differences = figures.differences_figure(comparison)
    blocks: list[Block] = [_scores(comparison)]
    if differences:
        blocks.append(Plot("differences", differences))
    blocks += [Plot("folds", figures.folds_figure(comparison), _SPREAD), _folds(comparison)]
    return Section("leaderboard", "Leaderboard", blocks, _INTRO, wording.spread(comparison))


def _scores(comparison: Comparison) -> Table:
    first, *others = SCORES.values()
    return Table(
        name="leaderboard",
        title="",
        heads=["Run", first, f"Difference {wording.against(comparison)}", *others],
        lines=[_line(comparison, row) for row in comparison.rows],
        frame=comparison_table(comparison),
    )


def _line(comparison: Comparison, row: Row) -> Line:
    first, *others = (score_cell(row.bootstrap.interval(key)) for key in SCORES)
    gap = (
        gap_cell(row.difference)
        if row.difference
        else Cell(wording.no_difference(comparison, row), tone="quiet", value=0.0)
    )
    it = line(comparison, row, [first, gap, *others])
    return (
        replace(it, marks=(*it.marks, wording.CHECKPOINT_MARK))
        if row.entry.chosen_on_held_out
        else it
    )


def _folds(comparison: Comparison) -> Table:
    return Table(
        name="over-folds",
        title="Over folds",
        heads=["Run", *SCORES.values()],
        lines=[
            line(comparison, row, [_over_folds(row, key) for key in SCORES])
            for row in comparison.rows
        ],
        frame=fold_table(comparison),
        caption="Mean ± standard deviation of the scores of single folds.",
    )


def _over_folds(row: Row, key: str) -> Cell:
    mean, deviation = row.over_folds(key)
    return Cell(mean_and_deviation(mean, deviation), value=mean)
