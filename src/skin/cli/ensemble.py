"""`skin ensemble`."""

from __future__ import annotations

from typing import Annotated

import typer

from skin.cli.options import ENSEMBLES_DIR, RUNS_DIR, EnsemblesDir, RunsDir
from skin.console import note, out


def ensemble(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Runs, by folder or name; all finished ones if none is given.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The ensemble's name.")] = "main",
    runs_dir: RunsDir = RUNS_DIR,
    ensembles_dir: EnsemblesDir = ENSEMBLES_DIR,
) -> None:
    """Combine runs, and the folds of each, into one ensemble: the mean of their probabilities.

    The figures are out of fold: each image is predicted by models that never saw its lesion.

    Examples:
      skin ensemble

      skin ensemble resnet50 resnet50_se --name attention
    """
    from skin.analysis.report.collect import collect
    from skin.analysis.report.compare import compare
    from skin.analysis.report.tables import rich_tables
    from skin.ensembling.build import mean_ensemble
    from skin.runs import choose_runs

    chosen = choose_runs(runs or [], runs_dir)
    folder = ensembles_dir / name
    mean_ensemble(chosen, folder)
    entries = collect([str(folder), *(str(run.folder) for run in chosen)], runs_dir, ensembles_dir)
    out.print(next(iter(rich_tables(compare(entries)))))
    note(f"the mean of {len(chosen)} run(s), written to {folder}")
