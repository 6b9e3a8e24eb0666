"""`skin score`: a submission against the truth, as the official scorer sees it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skin.analysis.isic_metric import RANKED_BY, SHORT, Metric

if TYPE_CHECKING:
    from rich.table import Table

    from skin.analysis.isic_score import IsicScore

_HEADS: Mapping[str, str] = {
    "accuracy": "acc",
    "sensitivity": "sens",
    "specificity": "spec",
    "dice": "dice",
    "ppv": "PPV",
    "npv": "NPV",
    "auc_sens_80": "AUC80",
    **SHORT,
}
_FEW = 2  # columns that are named beside their mean; the table has them all


class Format(StrEnum):
    """How to print the score."""

    TABLE = "table"
    JSON = "json"


def score(
    submission: Annotated[Path, typer.Argument(help="The CSV to score.", show_default=False)],
    truth: Annotated[
        Path,
        typer.Argument(
            help="The CSV of the true classes, 0 or 1, or a zip with it.", show_default=False
        ),
    ],
    challenge: Annotated[
        str | None,
        typer.Option(help="isic2017 to isic2024; by default, what the truth's columns say."),
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
    The partial AUC (pAUC) is the area above a sensitivity of 0.8, at most 0.2.
    A class's own figures take its value as a yes above 0.5.
    The JSON has the official scorer's layout.

    Examples:
      skin score submissions/isic2018.csv ISIC2018_Task3_Test_GroundTruth.csv

      skin score submissions/isic2020.csv train.csv --challenge isic2020 --metric ap

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
        for line in _summary(result, chosen.name):
            out.print(line)
        out.print(_table(result))


def _summary(result: IsicScore, challenge: str) -> Iterator[str]:
    """The figures of all columns together, BACC first where they are all the classes there are."""
    if RANKED_BY[challenge] is Metric.BALANCED_ACCURACY or _is_bacc(result):
        yield f"[bold]BACC {_shown(result.balanced_accuracy)}[/bold]"
    if not _is_bacc(result):
        yield f"[bold]{_overall(result)}[/bold]"
    if _shown(result.validation) not in {_shown(result.overall), _shown(math.nan)}:
        yield f"by validation weight {_shown(result.validation)}"


def _is_bacc(result: IsicScore) -> bool:
    return result.metric is Metric.BALANCED_ACCURACY


def _overall(result: IsicScore) -> str:
    """The figure that ranks; of two columns, the mean and what it is the mean of."""
    name, values = SHORT[result.metric], result.per_class[result.metric]
    most = " of 0.2" if result.metric is Metric.PARTIAL_AUC else ""
    if len(values) == 1:
        return f"{name} {_shown(result.overall)}{most}"
    each = ", ".join(f"{column} {_shown(value)}" for column, value in values.items())
    of_each = f": {each}" if len(values) <= _FEW else ""
    return f"mean {name} {_shown(result.overall)}{most}{of_each}"


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
