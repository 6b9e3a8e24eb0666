"""`skin report`: compare runs and ensembles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skin.cli.options import (
    DATA_DIR,
    ENSEMBLES_DIR,
    RUNS_DIR,
    DataDir,
    EnsemblesDir,
    Figures,
    RunsDir,
)


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Runs or ensembles: folders, or names under runs/ or ensembles/. "
            "All finished ones if none is given.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder to write; reports/ and the run's name, or reports/comparison, "
            "if not given.",
            show_default=False,
        ),
    ] = None,
    scored_as: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="TASK",
            help="Score all as a coarser task, as malignant: probabilities are summed.",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="The run that the others are compared with; the best if not given.",
            show_default=False,
        ),
    ] = None,
    resamples: Annotated[
        int, typer.Option(min=100, help="Bootstrap resamples for each interval.")
    ] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the resamples.")] = 0,
    figures: Figures = None,
    galleries: Annotated[
        bool,
        typer.Option(help="Show where the models look, which takes their weights and a minute."),
    ] = True,
    data_dir: DataDir = DATA_DIR,
    runs_dir: RunsDir = RUNS_DIR,
    ensembles_dir: EnsemblesDir = ENSEMBLES_DIR,
) -> None:
    """Compare runs and ensembles by their out-of-fold predictions.

    Writes a self-contained page (index.html), the comparison as comparison.csv, comparison.md,
    folds.csv and per_class.csv, and every table of the page as CSV, Markdown and LaTeX (booktabs)
    into tables/. Subgroups and pictures need the dataset that the runs were trained on.

    Examples:
      skin report

      skin report resnet50 resnet50_se --out reports/attention

      skin report --baseline resnet50

      skin report resnet34_binary resnet50 --as malignant

      skin report runs/resnet50 ensembles/main --resamples 10000

      skin report --no-galleries --figures png --figures pdf
    """
    from skin.analysis.report import FILES, write_report
    from skin.analysis.report.collect import collect
    from skin.analysis.report.tables import rich_tables
    from skin.analysis.report.wording import chance, headline
    from skin.console import note
    from skin.console import out as console
    from skin.taxonomy import get_task

    task = get_task(scored_as) if scored_as else None
    entries = collect(runs or [], runs_dir, ensembles_dir, scored_as=task)
    if not runs:
        names = ", ".join(entry.name for entry in entries)
        note(f"reporting on all that is finished: {names}")
    default = entries[0].name if len(entries) == 1 else "comparison"
    folder = out or Path("reports") / default
    comparison = write_report(
        entries,
        folder,
        baseline=baseline,
        resamples=resamples,
        seed=seed,
        data_dir=data_dir,
        figures=figures or [],
        galleries=galleries,
    )
    for table in rich_tables(comparison):
        console.print(table)
        console.print()
    console.print(headline(comparison), markup=False)
    console.print(chance(comparison), markup=False)
    for name in FILES:
        console.print(str(folder / name), markup=False, soft_wrap=True)
