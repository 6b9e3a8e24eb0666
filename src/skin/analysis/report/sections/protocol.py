"""What was evaluated, and how: images, folds, decision, choice of the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skin.analysis.blocks import Block, Cell, Line, Plot, Section, Table
from skin.analysis.caveats import LEAKING
from skin.analysis.cells import count_cell
from skin.analysis.report import figures
from skin.analysis.report.cells import line
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.report.context import Context
from skin.errors import name_some

_INTRO = "What the figures are of. A row that was judged otherwise than the others says so here."
_DECIDED = "argmax"


def section(context: Context) -> Section:
    """Give each row's protocol, and how often each class occurs."""
    comparison = context.comparison
    blocks: list[Block] = [_rows(comparison), *_classes(comparison)]
    return Section("protocol", "Protocol and data", blocks, _INTRO, _finding(comparison.rows))


def _rows(comparison: Comparison) -> Table:
    heads = ("Run", "Images", "Lesions", "Folds", "Leaking", "Checkpoint by", "Decision", "TTA")
    return Table(
        name="protocol",
        title="",
        heads=heads,
        lines=[line(comparison, row, _cells(row)) for row in comparison.rows],
        frame=pd.DataFrame([_record(row) for row in comparison.rows]),
        caption=(
            "Leaking: a lesion lay on both sides of a fold. Checkpoint by: the images by whose "
            "score the best epoch was chosen."
        ),
    )


def _cells(row: Row) -> list[Cell]:
    entry = row.entry
    leaking = Cell("yes", tone="bad") if entry.leaking else Cell("no")
    return [
        count_cell(len(entry.oof)),
        count_cell(int(entry.oof["lesion_id"].nunique())),
        Cell(str(len(row.folds)), below=entry.recorded("folds_name"), value=len(row.folds)),
        leaking,
        Cell("the scored images" if entry.chosen_on_held_out else "images apart"),
        Cell(entry.rule or _DECIDED),
        Cell(entry.tta),
    ]


def _record(row: Row) -> dict[str, object]:
    entry = row.entry
    return {
        "run": entry.name,
        "kind": entry.kind,
        "trained_as": entry.trained_as,
        "ranked": row.ranked,
        "images": len(entry.oof),
        "lesions": int(entry.oof["lesion_id"].nunique()),
        "folds": len(row.folds),
        "folds_name": entry.recorded("folds_name"),
        "leaking": entry.leaking,
        "chosen_on_held_out": entry.chosen_on_held_out,
        "rule": entry.rule or _DECIDED,
        "tta": entry.tta,
        "dataset": entry.recorded("dataset"),
        "dataset_hash": entry.recorded("dataset_hash"),
    }


def _classes(comparison: Comparison) -> list[Block]:
    """How often each class occurs in the best row's predictions."""
    counts = class_counts(comparison.best)
    table = Table(
        name="class-counts",
        title="Classes",
        heads=["Class", "Diagnosis", "", "Images", "Lesions"],
        lines=[
            Line(
                diagnosis.code,
                [
                    Cell(diagnosis.name),
                    Cell("malignant" if diagnosis.malignant else "benign", tone="quiet"),
                    count_cell(images),
                    count_cell(lesions),
                ],
            )
            for diagnosis, images, lesions in zip(
                comparison.task.classes, counts["images"], counts["lesions"], strict=True
            )
        ],
        frame=counts,
        wide=False,
    )
    return [table, Plot("class-counts", figures.counts_figure(counts))]


def class_counts(row: Row) -> pd.DataFrame:
    """How many images and lesions of each class a row predicts, in task order."""
    by_class = row.entry.oof.groupby("target")
    images, lesions = by_class.size(), by_class["lesion_id"].nunique()
    return pd.DataFrame(
        [
            {
                "class": diagnosis.code,
                "diagnosis": diagnosis.name,
                "malignant": diagnosis.malignant,
                "images": int(images.get(diagnosis.code, 0)),
                "lesions": int(lesions.get(diagnosis.code, 0)),
            }
            for diagnosis in row.entry.task.classes
        ]
    )


def _finding(rows: Sequence[Row]) -> str:
    """Which rows are inflated, if any."""
    leaking = [row.entry.name for row in rows if row.entry.leaking]
    return f"Leaking: {LEAKING.format(whose='their')} {name_some(leaking)}." if leaking else ""
