"""`skin data pool`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skin.cli.options import DATA_DIR, DataDir


def pool(
    name: Annotated[str, typer.Argument(help="The pool's name.", show_default=False)],
    datasets: Annotated[
        list[str],
        typer.Argument(help="What to pool; where two contradict, the first counts."),
    ],
    protect: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="A further test set: a CSV of ids (of images, and lesions and patients if it has "
            "lesion_id and patient_id), or a folder or zip of images; repeatable.",
            show_default=False,
        ),
    ] = None,
    drop_copies: Annotated[
        bool,
        typer.Option(
            "--drop-copies",
            help="Leave out copies of other datasets' images under another id; a dataset's own "
            "copies stay.",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace a pool of that name, damaged or not, and its folds."
        ),
    ] = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Make one dataset of several: each image once, each lesion whole, no test image.

    Images are told by their id, their file and the photograph itself. The same photograph under
    two ids becomes one lesion, so that folds keep it together. Copies under another id that were
    mirrored, turned or cropped are not found. Training images that are known to be in a test set
    are left out, and named, with the others of their lesions and patients: those of the official
    lists, of the datasets with a validation or test split, and of --protect. Pixels stay where
    they are.

    Examples:
      skin data pool isic ham10000 isic2019 isic2020

      skin data pool clinics clinic_a clinic_b --protect clinic_test.csv --drop-copies
    """
    from skin.console import out, warn
    from skin.data.pool import pool_datasets
    from skin.data.pool.summary import remarks, summarise_pooled

    pooled = pool_datasets(
        name,
        datasets,
        data_dir,
        protect=protect or (),
        drop_copies=drop_copies,
        overwrite=overwrite,
    )
    out.print(summarise_pooled(pooled))
    for remark in remarks(pooled):
        warn(remark)
