"""`skin data explore`: look at a dataset before training on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skin.cli.options import DATA_DIR, DataDir, Figures


def explore(
    dataset: Annotated[
        str | None,
        typer.Argument(help="The dataset; the only one if not given.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder to write; reports/DATASET-data if not given.", show_default=False
        ),
    ] = None,
    folds: Annotated[
        str | None,
        typer.Option(help="The only folds to show; all if not given.", show_default=False),
    ] = None,
    figures: Figures = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of samples drawn, shuffles and resamples.")
    ] = 0,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Look at a dataset: classes, metadata, missing values, pictures, near-duplicates, folds.

    Writes a self-contained page (index.html) and its tables as CSV, Markdown and LaTeX.

    Examples:
      skin data explore

      skin data explore ham10000 --out reports/ham10000-data --figures pdf --figures png

      skin data explore ham10000 --folds k5-seed0
    """
    from skin.analysis.exploration import explore as describe
    from skin.analysis.export import require_formats
    from skin.analysis.page import write_page
    from skin.console import out as console
    from skin.data.dataset import find_dataset
    from skin.files import require_writable

    found = find_dataset(data_dir, dataset)
    folder = out or Path("reports") / f"{found.name}-data"
    require_writable(folder)  # both are told before a minute of work
    formats = require_formats(figures or [])
    page = describe(found, folds=folds, seed=seed)
    written = write_page(page, folder, figures=formats)
    console.print(page.title, markup=False, soft_wrap=True)
    for section in page.sections:
        if section.finding:
            console.print(f"{section.title}: {section.finding}", markup=False, soft_wrap=True)
    console.print(str(written[0]), markup=False, soft_wrap=True)
