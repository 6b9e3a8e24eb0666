"""`skin data folds`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from skin.cli.options import DATA_DIR, DataDir

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is there under that name.")
]


class SplitBy(StrEnum):
    """What a split keeps whole."""

    LESION = "lesion"
    IMAGE = "image"


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
