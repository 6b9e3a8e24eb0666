"""The report as one HTML page that needs no other file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skin import __version__
from skin.analysis.drawing import Picture
from skin.analysis.pages import environment
from skin.analysis.report import figures, roc, tables, wording
from skin.analysis.report.compare import SCORES, Comparison, Row
from skin.analysis.report.per_class import COLUMNS, class_lines
from skin.analysis.text import mean_and_deviation


@dataclass(frozen=True)
class ClassCount:
    """How often a class occurs in the best row's predictions; `share` is of the largest class."""

    code: str
    name: str
    malignant: bool
    images: int
    lesions: int
    share: float


@dataclass(frozen=True)
class Cell:
    """A cell of a confusion matrix; `share` is of its row."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: cells by true class; the last column holds ties, if there are any."""

    columns: tuple[str, ...]
    rows: dict[str, list[Cell]]


def page(comparison: Comparison) -> str:
    """Render the page."""
    template = environment("skin.analysis.report").get_template("report.html.j2")
    return template.render(
        comparison=comparison,
        counts=_class_counts(comparison),
        curves=_curves(comparison),
        against=wording.against(comparison),
        class_heads=(*COLUMNS.values(), "Images"),
        class_lines=class_lines,
        extent=tables.extent,
        extent_heads=tables.EXTENT,
        headline=wording.headline(comparison),
        checkpoint=wording.checkpoint(comparison),
        decision=wording.decision(comparison),
        chance=wording.chance(comparison),
        mean_and_deviation=mean_and_deviation,
        no_difference=wording.no_difference,
        notes=wording.notes(comparison),
        pictures=[
            picture
            for picture in (
                figures.scores_figure(comparison),
                figures.differences_figure(comparison),
                roc.malignancy_figure(comparison),
            )
            if picture
        ],
        matrix=_matrix,
        roc_figure=roc.class_figure,
        scores=SCORES,
        version=__version__,
    )


def _class_counts(comparison: Comparison) -> list[ClassCount]:
    oof = comparison.best.entry.oof
    by_class = oof.groupby("target")
    images, lesions = by_class.size(), by_class["lesion_id"].nunique()
    return [
        ClassCount(
            diagnosis.code,
            diagnosis.name,
            diagnosis.malignant,
            int(images.get(diagnosis.code, 0)),
            int(lesions.get(diagnosis.code, 0)),
            float(images.get(diagnosis.code, 0) / images.max()),
        )
        for diagnosis in comparison.task.classes
    ]


def _curves(comparison: Comparison) -> dict[str, tuple[Picture, Picture]]:
    trained = [row.entry for row in comparison.rows if row.entry.folds]
    highest = max(
        (fold.history["valid_bacc"].max() for entry in trained for fold in entry.folds), default=1
    )
    return {entry.name: figures.learning_figures(entry, highest) for entry in trained}


def _matrix(row: Row) -> Matrix:
    codes = row.entry.task.codes
    confusion = row.scores.confusion
    tied = bool(confusion[:, -1].any())
    rates = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return Matrix(
        columns=(*codes, "tied") if tied else codes,
        rows={
            code: [
                Cell(int(confusion[i, j]), float(rates[i, j]), right=i == j)
                for j in range(len(codes) + tied)
            ]
            for i, code in enumerate(codes)
        },
    )
