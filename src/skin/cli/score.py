"""`skin score`: a submission against the truth, as the official scorer sees it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skin.analysis.isic_metric import Metric

if TYPE_CHECKING:
    from rich.table import Table

    from skin.analysis.isic_score import IsicScore

_HEADS = {
    "accuracy": "acc",
    "sensitivity": "sens",
    "specificity": "spec",
    "dice": "dice",
    "ppv": "PPV",
    "npv": "NPV",
    "auc": "AUC",
    "auc_sens_80": "AUC80",
    "ap": "AP",
}


class Format(StrEnum):
    """How to print the score."""

    TABLE = "table"
    JSON = "json"


def score(
    submission: Annotated[Path, typer.Argument(help="The CSV to score.", show_default=False)],
    truth: Annotated[
        Path, typer.Argument(help="The CSV of the true classes, 0 or 1.", show_default=False)
    ],
    challenge: Annotated[
        str | None,
        typer.Option(help="isic2017 to isic2020; by default, what the truth's columns say."),
    ] = None,
    metric: Annotated[
        Metric | None,
        typer.Option(help="The overall figure; by default, the one the challenge ranks by."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
) -> None:
    """Score a submission as the challenge's official scorer does.

    Rows may come in any order, and must be those of TRUTH.
    The balanced accuracy (BACC) takes each row's maximum; a tie is wrong.
    A class's own figures take its value as a yes above 0.5.
    The JSON has the official scorer's layout.

    Examples:
      skin score submissions/isic2018.csv ISIC2018_Task3_Test_GroundTruth.csv

      skin score submission.csv truth.csv --challenge isic2017 --metric ap

      skin score submission.csv truth.csv --format json > score.json
    """
    from skin.analysis.isic_score import score_files
    from skin.analysis.isic_truth import infer_challenge
    from skin.console import note, out, warn
    from skin.errors import name_some
    from skin.taxonomy import get_challenge

    if challenge is None:
        chosen = infer_challenge(truth)
        note(f"challenge: {chosen.name}, from the columns of {truth}")
    else:
        chosen = get_challenge(challenge)
    result = score_files(submission, truth, chosen, metric)
    if result.tied and result.metric is Metric.BALANCED_ACCURACY:
        warn(f"an exact tie for the maximum counts as wrong: {name_some(result.tied)}")
    if form is Format.JSON:
        out.print_json(data={"challenge": chosen.name, "metric": result.metric, **result.to_dict()})
    else:
        for line in _summary(result):
            out.print(line)
        out.print(_table(result))


def _summary(result: IsicScore) -> Iterator[str]:
    """The figures of all classes together, BACC first where it says anything."""
    if len(result.per_class) > 1:
        yield f"[bold]BACC {_shown(result.balanced_accuracy)}[/bold]"
    if result.metric is not Metric.BALANCED_ACCURACY:
        yield f"[bold]mean {_HEADS[result.metric]} {_shown(result.overall)}[/bold]"
    if _shown(result.validation) != _shown(result.overall):
        yield f"by validation weight {_shown(result.validation)}"


def _table(result: IsicScore) -> Table:
    """A row a class, and their mean; "-" where a figure is undefined."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("class")
    for figure in result.per_class.columns:
        table.add_column(_HEADS[figure], justify="right")
    for code, figures in result.per_class.iterrows():
        table.add_row(str(code), *(_shown(value, 3) for value in figures))
    table.add_section()
    table.add_row("mean", *(_shown(value, 3) for value in result.macro))
    return table


def _shown(value: float, digits: int = 4) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
