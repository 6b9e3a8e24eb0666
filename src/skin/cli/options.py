"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="SKIN_DATA_DIR", help="Where the datasets are.")
]
RunsDir = Annotated[
    Path, typer.Option("--runs-dir", envvar="SKIN_RUNS_DIR", help="Where the runs are.")
]
EnsemblesDir = Annotated[
    Path,
    typer.Option("--ensembles-dir", envvar="SKIN_ENSEMBLES_DIR", help="Where the ensembles are."),
]
TuningDir = Annotated[
    Path, typer.Option("--tuning-dir", envvar="SKIN_TUNING_DIR", help="Where the studies are.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="KEY=VALUE", help="Set any key of the config."),
]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="A local file of the backbone's weights.")
]
TtaOption = Annotated[
    str | None,
    typer.Option("--tta", help="Views to average: none, or dihedral, crops, scales, logit by +."),
]
Figures = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FORMAT",
        help="Write all figures for a paper too, into figures/: svg, png or pdf; repeatable.",
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:1.")]

INTERRUPTED = 130  # what shells give for an interrupt

DATA_DIR = Path("data")
RUNS_DIR = Path("runs")
ENSEMBLES_DIR = Path("ensembles")
TUNING_DIR = Path("tuning")
