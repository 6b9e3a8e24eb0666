"""`skin data add`: a command for each layout that is read as published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skin.cli.options import DATA_DIR, DataDir

if TYPE_CHECKING:
    from skin.data.sources import Source

add_app = typer.Typer(help="Add a dataset from an archive or a folder.", no_args_is_help=True)

ShortSide = Annotated[
    int,
    typer.Option("--short-side", min=16, max=4096, help="Pixels of the cached images' short side."),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out images that cannot be read, and list them.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is there under that name.")
]
_SHORT_SIDE = 256


@add_app.command("ham10000")
def add_ham10000(
    source: Annotated[
        Path,
        typer.Argument(
            help="Kaggle's zip, a folder with its parts, or one with the Dataverse's files.",
            show_default=False,
        ),
    ],
    short_side: ShortSide = _SHORT_SIDE,
    name: Annotated[str, typer.Option("--name", help="The dataset's name.")] = "ham10000",
    skip_bad: SkipBad = False,
    overwrite: Overwrite = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Add HAM10000: its table and its decoded images.

    The second time there is nothing to do; another short side adds only its images.

    Examples:
      skin data add ham10000 skin-cancer-mnist-ham10000.zip

      skin data add ham10000 downloads/ham10000 --short-side 450
    """
    from skin.data.archive import Archive
    from skin.data.sources.ham10000 import Ham10000

    _add(Ham10000(Archive(source)), data_dir, name, short_side, skip_bad, overwrite)


@add_app.command("csv")
def add_csv(
    images: Annotated[Path, typer.Argument(help="A folder or zip of images.", show_default=False)],
    table: Annotated[
        Path, typer.Argument(help="A CSV with a row for each image.", show_default=False)
    ],
    name: Annotated[str, typer.Option("--name", help="The dataset's name.", show_default=False)],
    image_column: Annotated[
        str, typer.Option(help="File name or path, with or without suffix.")
    ] = "image_id",
    dx_column: Annotated[str, typer.Option(help="Diagnosis, as mel or nv.")] = "dx",
    lesion_column: Annotated[
        str | None, typer.Option(help="Which lesion; without it, each image is its own.")
    ] = None,
    patient_column: Annotated[str | None, typer.Option(help="Which patient.")] = None,
    dx_type_column: Annotated[str | None, typer.Option(help="How it was diagnosed.")] = None,
    age_column: Annotated[str | None, typer.Option(help="Years.")] = None,
    sex_column: Annotated[str | None, typer.Option(help="Sex.")] = None,
    site_column: Annotated[str | None, typer.Option(help="Where on the body.")] = None,
    licence: Annotated[str, typer.Option(help="The images' licence.")] = "not stated",
    citation: Annotated[str, typer.Option(help="What to cite.")] = "not stated",
    short_side: ShortSide = _SHORT_SIDE,
    skip_bad: SkipBad = False,
    overwrite: Overwrite = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Add any images with a CSV whose columns you name.

    Examples:
      skin data add csv photos.zip labels.csv --name clinic --lesion-column lesion

      skin data add csv photos/ labels.csv --name clinic --image-column file
      --dx-column diagnosis --patient-column patient --age-column years
    """
    from skin.data.archive import Archive
    from skin.data.sources.csv import Columns, CsvSource

    columns = Columns(
        image_id=image_column,
        dx=dx_column,
        lesion_id=lesion_column,
        patient_id=patient_column,
        dx_type=dx_type_column,
        age=age_column,
        sex=sex_column,
        site=site_column,
    )
    source = CsvSource(Archive(images), table, columns, licence, citation)
    _add(source, data_dir, name, short_side, skip_bad, overwrite)


def _add(
    source: Source, data_dir: Path, name: str, short_side: int, skip_bad: bool, overwrite: bool
) -> None:
    from skin.console import out
    from skin.data.add import add_dataset
    from skin.data.summary import summarise_added

    added = add_dataset(
        source,
        data_dir,
        name=name,
        short_side=short_side,
        skip_bad=skip_bad,
        overwrite=overwrite,
    )
    out.print(summarise_added(added))
