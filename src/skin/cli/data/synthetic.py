"""`skin data synthetic`: a small data set to try everything with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def synthetic(
    out: Annotated[Path, typer.Argument(help="The folder to make.", show_default=False)],
    lesions: Annotated[
        int, typer.Option("--lesions", min=21, help="How many lesions, of one to six images each.")
    ] = 300,
    test: Annotated[
        int, typer.Option("--test", min=0, help="How many test images, with their truth.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")] = 0,
    width: Annotated[
        int, typer.Option("--width", min=32, max=2048, help="Pixels; the height is 3/4 of it.")
    ] = 160,
) -> None:
    """Draw synthetic dermoscopic images, laid out as HAM10000, for demos and tests.

    All seven classes, with HAM10000's metadata, lesion masks and, less extreme, its imbalance.
    The classes overlap: no model is right about every lesion.
    Nothing in them is real; never train on them for anything that matters.

    Examples:
      skin data synthetic source --lesions 300 --test 60

      skin data synthetic source --lesions 140 --seed 7 && skin data add ham10000 source
    """
    from skin.console import out as stdout
    from skin.data.synthetic import write_synthetic

    summary = write_synthetic(out, lesions=lesions, test_images=test, seed=seed, width=width)
    classes = ", ".join(f"{dx} {count}" for dx, count in summary.lesions.items())
    stdout.print(
        f"{summary.images} images of {lesions} lesions ({classes}) "
        f"and {summary.test_images} test images in {summary.root}",
        soft_wrap=True,
        markup=False,
    )
