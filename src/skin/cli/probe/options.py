"""Options that the probes share."""

from __future__ import annotations

from typing import Annotated

import typer

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
Seed = Annotated[int, typer.Option(help="Of the choice of images and of whatever is drawn.")]
