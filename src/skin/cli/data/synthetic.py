"""`skin data synthetic`: a small data set to try everything with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skin.cli.data.layouts import COMMANDS

_HAM10000 = "ham10000"
_DEFAULT_LESIONS = 300
_DEFAULT_WIDTH = 160
_OTHER_LESIONS = 40
_OTHER_SIDE = 48


def synthetic(
    out: Annotated[Path, typer.Argument(help="The folder to make.", show_default=False)],
    layout: Annotated[
        str,
        typer.Option(
            "--layout",
            help=f"As which data set is published: {', '.join(COMMANDS.values())}.",
        ),
    ] = _HAM10000,
    lesions: Annotated[
        int | None,
        typer.Option(
            "--lesions",
            min=1,
            help=f"How many lesions for training, at least three of each diagnosis; "
            f"{_DEFAULT_LESIONS}, or {_OTHER_LESIONS} in another layout than ham10000, if not "
            "given.",
        ),
    ] = None,
    test: Annotated[
        int | None,
        typer.Option(
            "--test",
            min=0,
            help="How many test images of ham10000, with their truth; 0 if not given. "
            "Other layouts have those of their challenge.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")] = 0,
    width: Annotated[
        int | None,
        typer.Option(
            "--width",
            min=32,
            max=2048,
            help=f"Pixels of an image; {_DEFAULT_WIDTH}, or {_OTHER_SIDE} in another layout, if "
            "not given. ham10000's height is 3/4 of it.",
        ),
    ] = None,
) -> None:
    """Draw synthetic dermoscopic images, laid out as a data set is published, for demos and tests.

    The layout ham10000 has all seven classes, with HAM10000's metadata, lesion masks and, less
    extreme, its imbalance. The other layouts have the files, the names and the quirks that their
    publishers give, so that each can be tried without a download.
    The classes overlap: no model is right about every lesion.
    Nothing in them is real; never train on them for anything that matters.

    Examples:
      skin data synthetic source --lesions 300 --test 60

      skin data synthetic source --lesions 140 --seed 7 && skin data add ham10000 source

      skin data synthetic published --layout isic2019 && skin data add isic2019 published
    """
    if layout != _HAM10000:
        _write_published(out, layout, test, lesions or _OTHER_LESIONS, seed, width or _OTHER_SIDE)
        return
    from skin.console import out as stdout
    from skin.data.synthetic import write_synthetic

    summary = write_synthetic(
        out,
        lesions=lesions or _DEFAULT_LESIONS,
        test_images=test or 0,
        seed=seed,
        width=width or _DEFAULT_WIDTH,
    )
    classes = ", ".join(f"{dx} {count}" for dx, count in summary.lesions.items())
    stdout.print(
        f"{summary.images} images of {sum(summary.lesions.values())} lesions ({classes}) "
        f"and {summary.test_images} test images in {summary.root}",
        soft_wrap=True,
        markup=False,
    )


def _write_published(
    out: Path, layout: str, test: int | None, lesions: int, seed: int, side: int
) -> None:
    from skin.console import out as stdout
    from skin.data.synthetic.published import LAYOUTS
    from skin.errors import SkinError, did_you_mean

    readers = {command: reader for reader, command in COMMANDS.items()}
    write = LAYOUTS.get(readers.get(layout, layout))
    if write is None:
        raise SkinError(f"unknown --layout '{layout}': {did_you_mean(layout, readers)}")
    if test is not None:
        raise SkinError(
            f"--test is of the layout ham10000; {layout} has as many test images as befit its "
            "lesions"
        )
    write(out, lesions=lesions, seed=seed, side=side)
    stdout.print(f"{layout} of {lesions} lesions in {out}:", soft_wrap=True, markup=False)
    for path in sorted(out.iterdir()):
        stdout.print(f"  {path.name}", soft_wrap=True, markup=False)
