"""The comparison as tables: for programs (CSV), for a README (Markdown), for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from rich.markup import escape
from rich.table import Table

from skin.analysis.report import wording
from skin.analysis.report.compare import SCORES, Comparison, Row
from skin.analysis.report.per_class import COLUMNS, class_lines
from skin.analysis.text import (
    DASH,
    duration,
    markdown_table,
    mean_and_deviation,
    millions,
    number,
    short_span,
    signed,
    signed_span,
    span,
    terminal_table,
)

EXTENT = (
    "Folds",
    "Images",
    "Lesions",
    "TTA",
    "Parameters",
    "Images/s",
    "Training time",
)
_POINT_SCORES = ("macro_precision", "macro_specificity")  # without an interval


def comparison_table(comparison: Comparison) -> pd.DataFrame:
    """One row a run, every figure of the report.

    Columns named `<score>_low`, `<score>_high` are the 95 % interval of the pooled score,
    `<score>_mean`, `<score>_sd` are over folds; times are in seconds, `images_per_s` is of the
    training. An empty cell is undefined or not recorded.
    """
    return pd.DataFrame([_figures(comparison, row) for row in comparison.rows])


def fold_table(comparison: Comparison) -> pd.DataFrame:
    """One row a fold of each run: its scores, and its training where that is recorded."""
    return pd.DataFrame([record for row in comparison.rows for record in _folds(row)])


def markdown(comparison: Comparison) -> str:
    """The comparison as a Markdown page."""
    codes = comparison.task.codes
    scores = [
        [
            "Run",
            "BACC (95 %)",
            f"Difference {wording.against(comparison)} (95 %)",
            *list(SCORES.values())[1:],
        ],
        *(
            [
                wording.labelled(row),
                _with_span(row, "bacc"),
                _difference(comparison, row),
                *(number(getattr(row.scores, key)) for key in list(SCORES)[1:]),
            ]
            for row in comparison.rows
        ),
    ]
    recalls = [
        ["Recall", *codes],
        *([wording.labelled(row), *map(number, row.scores.recall)] for row in comparison.rows),
    ]
    folds = [
        ["Over folds", *SCORES.values()],
        *(
            [wording.labelled(row), *(mean_and_deviation(*row.over_folds(key)) for key in SCORES)]
            for row in comparison.rows
        ),
    ]
    runs = [
        ["Run", *EXTENT],
        *([wording.labelled(row), *extent(row)] for row in comparison.rows),
    ]
    classes = [
        [[wording.labelled(row), *COLUMNS.values(), "Images"], *map(_class_cells, class_lines(row))]
        for row in comparison.rows
    ]
    parts = [
        f"# {wording.headline(comparison)}",
        wording.chance(comparison),
        *(markdown_table(table) for table in (scores, recalls, folds, runs, *classes)),
        "\n".join(f"- {note}" for note in wording.notes(comparison)),
    ]
    return "\n\n".join(parts) + "\n"


def rich_tables(comparison: Comparison) -> Iterator[Table]:
    """The comparison for a terminal of 80 columns: scores, recall by class, the runs."""
    against = "To baseline" if comparison.baseline else "To the best"
    scores = terminal_table(["Run", "BACC", against, "Acc.", "F1", "AUC", "Mal. AUC"])
    recalls = terminal_table(["Recall", *comparison.task.codes])
    runs = terminal_table(["Run", "BACC/folds", "Folds", "TTA", "Parameters", "img/s", "Time"])
    for row in comparison.rows:
        name = escape(wording.labelled(row))
        bacc = row.bootstrap.interval("bacc")
        gap = row.difference
        scores.add_row(
            name,
            f"{number(bacc.value)}\n[dim]{short_span(bacc)}[/dim]",
            f"{signed(gap.value)}\n[dim]{signed_span(gap)}[/dim]"
            if gap
            else _difference(comparison, row),
            *(number(getattr(row.scores, key)) for key in list(SCORES)[1:]),
        )
        recalls.add_row(name, *map(number, row.scores.recall))
        folds, _, _, *rest = extent(row)
        runs.add_row(name, mean_and_deviation(*row.over_folds("bacc")), folds, *rest)
    yield from (scores, recalls, runs)


def extent(row: Row) -> list[str]:
    """The cells of a row, as text, under the heads `EXTENT`."""
    speed = row.entry.images_per_s
    return [
        str(len(row.folds)),
        f"{len(row.entry.oof):,}",
        f"{row.entry.oof['lesion_id'].nunique():,}",
        row.entry.tta,
        millions(row.entry.parameters),
        DASH if speed is None else f"{speed:,.0f}",
        duration(row.entry.seconds),
    ]


def _figures(comparison: Comparison, row: Row) -> dict[str, object]:
    entry = row.entry
    figures: dict[str, object] = {
        "run": entry.name,
        "kind": entry.kind,
        "task": entry.task.name,
        "trained_as": entry.trained_as,
        "rule": entry.rule or "argmax",
        "ranked": row.ranked,
        "marks": ", ".join(row.marks),
        "folds": len(row.folds),
        "images": len(entry.oof),
        "lesions": entry.oof["lesion_id"].nunique(),
        "tta": entry.tta,
        "leaking": entry.leaking,
        "chosen_on_held_out": entry.chosen_on_held_out,
    }
    for key in SCORES:
        pooled = row.bootstrap.interval(key)
        figures |= {key: pooled.value, f"{key}_low": pooled.low, f"{key}_high": pooled.high}
        figures[f"{key}_mean"], figures[f"{key}_sd"] = row.over_folds(key)
    for key in _POINT_SCORES:
        figures[key] = getattr(row.scores, key)
        figures[f"{key}_mean"], figures[f"{key}_sd"] = row.over_folds(key)
    gap = row.difference
    figures["bacc_difference_to"] = gap and comparison.reference.entry.name
    figures["bacc_difference"] = gap and gap.value
    figures["bacc_difference_low"] = gap and gap.low
    figures["bacc_difference_high"] = gap and gap.high
    for code, recall in zip(comparison.task.codes, row.bootstrap.recall_intervals(), strict=True):
        name = f"recall_{code}"
        figures |= {name: recall.value, f"{name}_low": recall.low, f"{name}_high": recall.high}
    return figures | {
        "parameters": entry.parameters,
        "images_per_s": entry.images_per_s,
        "seconds": entry.seconds,
    }


def _folds(row: Row) -> Iterator[dict[str, object]]:
    training = {trained.number: trained.metadata for trained in row.entry.folds}
    for fold, scores in row.folds.items():
        metadata = training.get(fold)
        yield {
            "run": row.entry.name,
            "marks": ", ".join(row.marks),
            "fold": fold,
            "images": int(scores.confusion.sum()),
            **{key: getattr(scores, key) for key in (*SCORES, *_POINT_SCORES)},
            **{
                f"recall_{code}": value
                for code, value in zip(row.entry.task.codes, scores.recall, strict=True)
            },
            "train_images": metadata and metadata.train_images,
            "best_epoch": metadata and metadata.best_epoch,
            "epochs": metadata and metadata.epochs,
            "seconds": metadata and metadata.seconds,
            "images_per_s": metadata and metadata.images_per_s,
        }


def _class_cells(line: tuple[str, list[float], int]) -> list[str]:
    code, values, images = line
    return [code, *map(number, values), f"{images:,}"]


def _with_span(row: Row, score: str) -> str:
    interval = row.bootstrap.interval(score)
    return f"{number(interval.value)} ({span(interval)})"


def _difference(comparison: Comparison, row: Row) -> str:
    if row.difference is None:
        return wording.no_difference(comparison, row)
    return f"{signed(row.difference.value)} ({signed_span(row.difference)})"
