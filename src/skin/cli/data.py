"""`skin data`: add a dataset, make its folds, check it, fetch it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skin.cli.options import DATA_DIR, DataDir

if TYPE_CHECKING:
    from skin.data.sources import Source

data_app = typer.Typer(help="Datasets: add, split into folds, check, fetch.", no_args_is_help=True)
add_app = typer.Typer(help="Add a dataset from an archive or a folder.", no_args_is_help=True)
download_app = typer.Typer(help="Fetch a dataset from its original host.", no_args_is_help=True)
data_app.add_typer(add_app, name="add")
data_app.add_typer(download_app, name="download")

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


class SplitBy(StrEnum):
    """What a split keeps whole."""

    LESION = "lesion"
    IMAGE = "image"


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


@data_app.command("folds")
def folds(
    dataset: Annotated[
        str | None,
        typer.Argument(help="The dataset; the only one if not given.", show_default=False),
    ] = None,
    k: Annotated[
        int | None, typer.Option("--folds", "-k", min=2, help="How many folds; 5 if not given.")
    ] = None,
    holdout: Annotated[
        str | None,
        typer.Option(
            "--holdout",
            metavar="SHARES",
            help="Instead of folds: 80/20 (train, held out) or 70/15/15 (train, valid, held out).",
        ),
    ] = None,
    split: Annotated[
        SplitBy,
        typer.Option("--split", help="Keep lesions whole, or split by image, which leaks."),
    ] = SplitBy.LESION,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the assignment.")] = 0,
    name: Annotated[
        str | None,
        typer.Option("--name", help="The folds' name; k5-seed0 and the like if not given."),
    ] = None,
    overwrite: Overwrite = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Split a dataset into folds, or into a holdout, that share no lesion, patient or photograph.

    The parts are stratified by diagnosis, sex, age, site and images a lesion, and frozen to a
    file with a hash that every run records.

    --split image splits image by image, as much of the published work does: lesions are then on
    both sides, and every run on such folds is marked as leaking.

    Examples:
      skin data folds

      skin data folds ham10000 --folds 10 --seed 1

      skin data folds --holdout 70/15/15

      skin data folds --holdout 80/20 --split image
    """
    from skin.console import out, warn
    from skin.data.dataset import find_dataset
    from skin.data.folds import make_folds
    from skin.data.scheme import parse_holdout
    from skin.data.summary import leak_warning, summarise_folds

    made = make_folds(
        find_dataset(data_dir, dataset),
        k,
        seed,
        holdout=parse_holdout(holdout) if holdout is not None else (),
        split="image" if split is SplitBy.IMAGE else "lesion",
        name=name,
        overwrite=overwrite,
    )
    out.print(summarise_folds(made))
    if made.leaking:
        warn(leak_warning(made))


@data_app.command("check")
def check(
    dataset: Annotated[
        str | None,
        typer.Argument(help="The dataset; the only one if not given.", show_default=False),
    ] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Verify files, hashes, labels, cached images and folds; exit with 2 if any is wrong.

    Examples:
      skin data check

      skin data check ham10000
    """
    from skin.console import err, out
    from skin.data.check import check_dataset
    from skin.data.dataset import find_dataset

    findings = check_dataset(find_dataset(data_dir, dataset).root)
    for line in findings.good:
        out.print(f"ok       {line}", markup=False, soft_wrap=True)
    for line in findings.unseen:
        out.print(f"unseen   {line}", markup=False, soft_wrap=True)
    for line in findings.bad:
        err.print(f"wrong    {line}", markup=False, soft_wrap=True)
    if findings.bad:
        raise typer.Exit(2)


@download_app.command("ham10000")
def download_ham10000(
    folder: Annotated[
        Path, typer.Argument(help="Where to put the files, 2.8 GB.", show_default=False)
    ],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You have read the licence and accept it.")
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(help="Another Dataverse that holds it, as https://example.org."),
    ] = None,
) -> None:
    """Fetch HAM10000 from the Harvard Dataverse, checksummed.

    Stopped, it goes on where it was under the same command.

    Examples:
      skin data download ham10000 downloads/ham10000 --accept-licence
    """
    from skin.console import out
    from skin.data.dataverse import SERVER, ham10000_files
    from skin.data.download import fetch_all
    from skin.data.sources.ham10000 import CITATION, LICENCE
    from skin.errors import SkinError

    out.print(f"licence: {LICENCE}, non-commercial use with attribution", soft_wrap=True)
    out.print(f"cite: {CITATION}", soft_wrap=True)
    if not accept_licence:
        raise SkinError("pass --accept-licence if you accept these terms")
    fetch_all(ham10000_files(server or SERVER), folder)
    out.print(f"next: skin data add ham10000 {folder}", markup=False, soft_wrap=True)


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
