"""What the probes' commands share: options, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skin.cli.options import INTERRUPTED

if TYPE_CHECKING:
    from skin.analysis.probes.subjects import Subject

Runs = Annotated[
    list[str], typer.Argument(metavar="RUN...", help="Runs, or their folders.", show_default=False)
]
Fold = Annotated[
    str, typer.Option("--fold", help="Which folds' models: all that are finished, 0, 0,2 or 0..4.")
]
Images = Annotated[
    str,
    typer.Option(
        help="How many images: whole lesions, as many of each class as there are, the same ones "
        "for every run of a dataset; or all.",
    ),
]
Tta = Annotated[
    str,
    typer.Option(
        "--tta", help="Views to average: none, or dihedral, crops, scales, logit by +; each costs."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Of the choice of images and of whatever is drawn.")]


def subjects_of(
    names: Sequence[str],
    fold: str,
    seed: int,
    *,
    images: str = "all",
    data_dir: Path,
    runs_dir: Path,
    ensembles_dir: Path,
) -> list[Subject]:
    """Find the named runs and their images, as the options say.

    Raises:
        SkinError: as `skin.analysis.probes.subjects.find_subjects`, or `images` is no number.
    """
    from skin.analysis.probes.subjects import find_subjects, parse_images

    return find_subjects(
        names,
        runs_dir=runs_dir,
        ensembles_dir=ensembles_dir,
        data_dir=data_dir,
        folds=fold,
        images=parse_images(images),
        seed=seed,
    )


@contextmanager
def interruptible(then: str) -> Iterator[None]:
    """Leave with an interrupt's code, and say what the same command does `then`."""
    from skin.console import note

    try:
        yield
    except KeyboardInterrupt:
        note(f"stopped; the same command {then}")
        raise typer.Exit(INTERRUPTED) from None
