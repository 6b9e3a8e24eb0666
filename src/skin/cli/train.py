"""`skin train`."""

from __future__ import annotations

from typing import Annotated

import typer

from skin.cli.options import (
    DATA_DIR,
    INTERRUPTED,
    RUNS_DIR,
    DataDir,
    RunsDir,
    Settings,
    TtaOption,
    Weights,
)
from skin.console import note, out


def train(
    config: Annotated[
        str, typer.Option("--config", "-c", help="A config's file, or its name in configs/.")
    ] = "resnet50",
    fold: Annotated[str, typer.Option("--fold", "-f", help="all, 0, 0,2 or 0..4.")] = "all",
    setting: Settings = None,
    weights: Weights = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The run's name; the config's if not given.")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:1.")
    ] = None,
    tta: TtaOption = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin the folds anew, whatever is there.")
    ] = False,
    list_configs: Annotated[
        bool, typer.Option("--list", help="List the configs, a line each, and stop.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Train the folds of one config, and predict each fold by the model that never saw it.

    A training that was stopped goes on from its last checkpoint under the same command.

    Examples:
      skin train --fold 0..4

      skin train -c efficientnet_lite0 --fold 0 --set training.epochs=3

      skin train -c efficientnet_lite0 --tta dihedral+crops

      skin train --list
    """
    from skin.config import find_config, list_known_configs, load_config
    from skin.errors import SkinError

    if list_configs:
        known = list_known_configs()
        width = max(len(path.stem) for path in known)
        for path in known:
            try:
                description = load_config(path).description
            except SkinError as error:  # the others are still worth a line
                description = f"cannot be used: {error}"
            line = f"{path.stem:<{width}}  {description}"
            out.print(line, soft_wrap=True, markup=False, highlight=False)
        return
    path = find_config(config)
    options = {"model.weights": weights, "runtime.device": device, "training.tta": tta}
    loaded = load_config(path, setting or (), options)

    from skin.runs import Run
    from skin.training.run import train_run

    run = Run(runs_dir / (name or path.stem))
    note(f"config {path}, run {run.folder}")
    try:
        folds = train_run(loaded, run, fold, data_dir, restart=restart)
    except KeyboardInterrupt:
        note("stopped; the same command goes on from the last checkpoint")
        raise typer.Exit(INTERRUPTED) from None
    for trained in folds:
        metadata = trained.metadata()
        leaks = " (leaking)" if metadata["leaking"] else ""
        out.print(
            f"{trained.folder}  held-out BACC {metadata['held_out_bacc']:.3f}{leaks}; validation "
            f"{metadata['best_bacc']:.3f} at epoch {metadata['best_epoch']} of "
            f"{metadata['epochs']}, {metadata['seconds']:.0f} s, "
            f"{metadata['images_per_s']:.0f} img/s",
            soft_wrap=True,
            markup=False,
        )
