"""`skin data add`: a command for each layout that is read as published."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skin.cli.data.layouts import LAYOUTS, SHORT_SIDE, Layout, SplitName, StoreName
from skin.cli.options import DATA_DIR, DataDir

if TYPE_CHECKING:
    from skin.data.sources import Source

add_app = typer.Typer(
    help="Add a dataset from an archive or a folder, as it was published.", no_args_is_help=True
)


Published = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE",
        help="The folder of the published files, zips as they are or unpacked; or one archive.",
        show_default=False,
    ),
]
SplitOption = Annotated[SplitName, typer.Option("--split", help="Of the challenge.")]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="The dataset's name; the command's if not given, with the split if not train.",
        show_default=False,
    ),
]
ShortSide = Annotated[
    int,
    typer.Option("--short-side", min=16, max=4096, help="Pixels of the cached images' short side."),
]
Keep = Annotated[
    StoreName | None,
    typer.Option(
        "--store",
        help="Keep decoded pixels, quick to read, or the files' bytes, a tenth as much or less; "
        "pixels of a new dataset if not given, else what it keeps.",
    ),
]
SkipBad = Annotated[
    bool,
    typer.Option("--skip-bad", help="Leave out images that are missing or cannot be read."),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace what is there under that name, damaged or not, or lose what it tells more.",
    ),
]


def _with_splits(layout: Layout) -> Callable[..., None]:
    def add(
        source: Published,
        split: SplitOption = SplitName.TRAIN,
        name: Name = None,
        short_side: ShortSide = layout.short_side,
        store: Keep = layout.store,
        skip_bad: SkipBad = False,
        overwrite: Overwrite = False,
        data_dir: DataDir = DATA_DIR,
    ) -> None:
        default = layout.name or layout.command
        if split is not SplitName.TRAIN:
            default = f"{default}-{split.value}"
        reader = _read(layout, source, split.value)
        _add(reader, data_dir, name or default, short_side, store, skip_bad, overwrite)

    return add


def _without_splits(layout: Layout) -> Callable[..., None]:
    def add(
        source: Published,
        name: Name = None,
        short_side: ShortSide = layout.short_side,
        store: Keep = layout.store,
        skip_bad: SkipBad = False,
        overwrite: Overwrite = False,
        data_dir: DataDir = DATA_DIR,
    ) -> None:
        default = layout.name or layout.command
        reader = _read(layout, source)
        _add(reader, data_dir, name or default, short_side, store, skip_bad, overwrite)

    return add


for _layout in LAYOUTS:
    _make = _with_splits if _layout.has_splits else _without_splits
    add_app.command(_layout.command, help=_layout.help())(_make(_layout))


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
    short_side: ShortSide = SHORT_SIDE,
    store: Keep = None,
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
    _add(source, data_dir, name, short_side, store, skip_bad, overwrite)


def _read(layout: Layout, source: Path, *split: str) -> Source:
    """The layout's reader; imported here, so that help needs none of them."""
    from skin.data.archive import Archive

    module, name = layout.reader
    reader: Callable[..., Source] = getattr(import_module(f"skin.data.sources.{module}"), name)
    return reader(Archive(source), *split)


def _add(
    source: Source,
    data_dir: Path,
    name: str,
    short_side: int,
    store: StoreName | None,
    skip_bad: bool,
    overwrite: bool,
) -> None:
    from skin.console import out
    from skin.data.add import add_dataset
    from skin.data.summary import summarise_added

    added = add_dataset(
        source,
        data_dir,
        name=name,
        short_side=short_side,
        store=None if store is None else store.value,
        skip_bad=skip_bad,
        overwrite=overwrite,
    )
    out.print(summarise_added(added))
