"""`skin tune`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from skin.cli.options import (
    DATA_DIR,
    INTERRUPTED,
    TUNING_DIR,
    DataDir,
    Settings,
    TuningDir,
    Weights,
)
from skin.console import note, out


class _Pruner(StrEnum):
    MEDIAN = "median"
    NONE = "none"


def tune(
    config: Annotated[str, typer.Argument(help="A config's file, or its name in configs/.")],
    ranges: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            metavar="KEY=LOW..HIGH",
            help="Tune a number; wide ranges are logarithmic, :log or :linear after it says so.",
        ),
    ] = None,
    choices: Annotated[
        list[str] | None,
        typer.Option("--choice", metavar="KEY=A,B", help="Tune a key over a list of values."),
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", "-n", min=1, help="How many, earlier calls' included.")
    ] = 20,
    fold: Annotated[
        str, typer.Option("--fold", "-f", help="all, 0, 0,2 or 0..4; the score is their mean.")
    ] = "0",
    setting: Settings = None,
    weights: Weights = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The study's name; the config's if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the search.")] = 0,
    device: Annotated[
        str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:1.")
    ] = None,
    pruner: Annotated[
        _Pruner, typer.Option(help="Stop trials that are below the median at the same epoch.")
    ] = _Pruner.MEDIAN,
    data_dir: DataDir = DATA_DIR,
    tuning_dir: TuningDir = TUNING_DIR,
) -> None:
    """Search for the hyper-parameters with the best validation BACC, on the folds of `skin train`.

    Without --range and --choice it compares batch sizes, losses and learning rates. Each trial is
    a run; the table and the figure are in the study's folder. A search that was stopped goes on
    under the same command, and a larger --trials adds to one that is finished.

    Examples:
      skin tune resnet50 --trials 12

      skin tune resnet50 --range optimizer.lr=1e-5..1e-2 --choice training.batch_size=16,32,64

      skin tune resnet50 --range model.dropout=0..0.5 --fold 0,1 --set training.epochs=10
    """
    from skin.config import find_config, load_config

    path = find_config(config)
    options = {"model.weights": weights, "runtime.device": device}
    base = load_config(path, setting or (), options)

    from skin.tuning.results import caveat, rich_table, train_command
    from skin.tuning.space import Parameter, parse_choice, parse_range
    from skin.tuning.tune import tune as search

    folder = tuning_dir / (name or path.stem)
    parameters: list[Parameter] = [parse_range(text) for text in ranges or ()]
    parameters += [parse_choice(text) for text in choices or ()]
    note(f"config {path}, study {folder}")
    try:
        outcome = search(
            base, folder, parameters, fold, data_dir, trials=trials, seed=seed, pruner=pruner.value
        )
    except KeyboardInterrupt:
        note("stopped; the same command goes on from the last checkpoint")
        raise typer.Exit(INTERRUPTED) from None
    out.print(rich_table(outcome))
    out.print(caveat(outcome), markup=False)
    words = [word for text in setting or () for word in ("--set", text)]
    words += ["--weights", str(weights)] if weights else []
    words += ["--device", device] if device else []
    words += ["--data-dir", str(data_dir)] if data_dir != DATA_DIR else []
    command = train_command(config, words, outcome)
    if command:
        out.print(f"\n  {command}\n", markup=False, soft_wrap=True)
    for file in ("trials.csv", "figure.svg", "figure.png"):
        out.print(str(folder / file), markup=False, soft_wrap=True)
