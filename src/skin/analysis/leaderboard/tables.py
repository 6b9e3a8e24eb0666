"""The leaderboard as tables: for programs (CSV), for a README (Markdown), for the terminal."""

from __future__ import annotations

import re

import pandas as pd
from rich.table import Table
from rich.text import Text

from skin.analysis.cells import ends
from skin.analysis.leaderboard import wording
from skin.analysis.leaderboard.facts import (
    gain_of_rule,
    malignant_sensitivity,
    rules_from_argmax,
)
from skin.analysis.leaderboard.sheets import Cell, Row, Sheet, sheets
from skin.analysis.statistics import Bootstrap
from skin.analysis.text import markdown_table, terminal_table
from skin.ensembling.assessment import Assessment
from skin.taxonomy import Task

_BRIEF = 20  # letters
_SCORES = ("bacc", "accuracy", "macro_f1", "macro_auc", "malignant_auc")
_MARKDOWN = re.compile(r"([\\`*<>\[\]&$])")


def rich_tables(assessment: Assessment) -> list[Table]:
    """The leaderboard for a terminal of 80 columns: tables, then a line on referral and sets."""
    line = Table.grid()
    line.add_row(Text(wording.uncertainty(assessment)))
    if assessment.unknown is not None:
        line.add_row(Text(f"\n{wording.unknown(assessment)}"))
    return [*map(_rich, sheets(assessment)), line]


def markdown(assessment: Assessment) -> str:
    """The leaderboard as a Markdown page."""
    parts = [f"# {_escaped(wording.headline(assessment))}", _escaped(wording.lead(assessment))]
    for sheet in sheets(assessment):
        heads = [head.replace("\n", " ") for head in sheet.heads]
        rows = [_markdown_row(row) for row in sheet.rows]
        parts += [f"## {sheet.title}", sheet.text, markdown_table([heads, *rows])]
    parts += [
        "## Uncertainty",
        _escaped(wording.uncertainty(assessment)),
        "\n".join(f"- {note}" for note in wording.notes(assessment)),
    ]
    return "\n\n".join(parts) + "\n"


def leaderboard_table(assessment: Assessment) -> pd.DataFrame:
    """One row a run or method, the best first.

    `<score>_low` and `<score>_high` are the ends of a 95 % interval, here and in the other tables;
    an empty cell is undefined, or the best run's difference to itself.
    """
    return pd.DataFrame(
        [
            {
                "rank": rank,
                "name": line.name,
                "title": line.title,
                "kind": line.kind,
                "chosen": line.chosen,
                "bacc_in_sample": line.in_sample,
                **ends({"bacc_difference": line.difference}),
                **_figures(line.bootstrap, assessment.task),
            }
            for rank, line in enumerate(assessment.lines, start=1)
        ]
    )


def steps_table(assessment: Assessment) -> pd.DataFrame:
    """One row a step, in order; `bacc_gain` is over the step before."""
    rows = [
        {
            "step": place,
            "title": step.title,
            **ends({"bacc_gain": step.gain}),
            **_figures(step.bootstrap, assessment.task),
        }
        for place, step in enumerate(assessment.steps, start=1)
    ]
    # One run has no steps: the file still has the columns that a program asks for.
    empty = {"step": 0, "title": "", **ends({"bacc_gain": None})}
    empty |= _figures(assessment.lines[0].bootstrap, assessment.task)
    return pd.DataFrame(rows, columns=list(empty))


def calibration_table(assessment: Assessment) -> pd.DataFrame:
    """One row a way to calibrate; `ece_<CODE>` is one class against the rest."""
    return pd.DataFrame(
        [
            {
                "name": line.name,
                "chosen": line.chosen,
                "log_loss": line.calibration.log_loss,
                "brier": line.calibration.brier,
                "ece": line.calibration.ece,
                "class_ece": line.calibration.class_ece,
                **{
                    f"ece_{code}": float(error)
                    for code, error in zip(
                        assessment.task.codes, line.calibration.class_eces, strict=True
                    )
                },
            }
            for line in assessment.calibrations
        ]
    )


def rules_table(assessment: Assessment) -> pd.DataFrame:
    """One row a decision rule, plain argmax first; `bacc_gain` is over plain argmax."""
    return pd.DataFrame(
        [
            {
                "name": rule.name,
                "chosen": rule.chosen,
                **ends({"bacc_gain": gain_of_rule(assessment, rule)}),
                "malignant_sensitivity": malignant_sensitivity(
                    rule.bootstrap.scores, assessment.task
                ),
                **_figures(rule.bootstrap, assessment.task),
            }
            for rule in rules_from_argmax(assessment)
        ]
    )


def unknown_table(assessment: Assessment) -> pd.DataFrame:
    """One row an outlier score; `kept_<CODE>` is a class's share that is not taken for unknown.

    It has no rows if lesions that are none of the classes are not told.
    """
    lines = () if assessment.unknown is None else assessment.unknown.lines
    codes = assessment.task.codes
    return pd.DataFrame(
        [
            {
                "name": line.name,
                "chosen": line.chosen,
                **ends(
                    {
                        "auroc": line.auroc,
                        "found": line.found,
                        "kept": line.kept,
                        "bacc_cost": line.cost,
                        "bacc_with_unknown": line.bacc,
                    }
                ),
                **{
                    f"kept_{code}": float(share)
                    for code, share in zip(codes, line.kept_by_class, strict=True)
                },
            }
            for line in lines
        ]
    )


def _figures(bootstrap: Bootstrap, task: Task) -> dict[str, float]:
    recalls = zip(task.codes, bootstrap.recall_intervals(), strict=True)
    return ends(
        {score: bootstrap.interval(score) for score in _SCORES}
        | {f"recall_{code}": recall for code, recall in recalls}
    )


def _rich(sheet: Sheet) -> Table:
    first, *figures = sheet.heads
    table = terminal_table([first, *figures[: sheet.in_terminal]])
    for row in sheet.rows:
        style = "bold" if row.chosen else ""
        below = "" if sheet.names_alone else _brief(row.name.below)
        name = Cell(row.name.text, "chosen" if row.chosen else below)
        cells = [name, *row.figures[: sheet.in_terminal]]
        table.add_row(*(_rich_cell(cell, style) for cell in cells))
    return table


def _brief(text: str) -> str:
    """What stands below a name, where it is short enough not to make a column of its own."""
    return text if len(text) <= _BRIEF else ""


def _rich_cell(cell: Cell, style: str) -> Text:
    text = Text(cell.text, style)
    return text.append(f"\n{cell.below}", "not bold dim") if cell.below else text


def _markdown_row(row: Row) -> list[str]:
    name = _escaped(row.name.text)
    if row.chosen:
        name = f"**{name}** (chosen)"
    if row.name.below:
        name = f"{name}: {_escaped(row.name.below)}"
    figures = [f"{cell.text} ({cell.below})" if cell.below else cell.text for cell in row.figures]
    return [name, *figures]


def _escaped(text: str) -> str:
    """Text whose brackets, stars and dollars Markdown leaves alone; its tables take care of `|`."""
    return _MARKDOWN.sub(r"\\\1", text)
