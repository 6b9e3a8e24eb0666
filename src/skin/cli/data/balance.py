"""`skin data balance`."""

from __future__ import annotations

from typing import Annotated

import typer

from skin.cli.options import DATA_DIR, DataDir, Settings


def balance(
    config: Annotated[
        str, typer.Argument(help="A config's file, or its name in configs/.", show_default=False)
    ],
    fold: Annotated[int, typer.Option("--fold", "-f", min=0, help="Which training part.")] = 0,
    setting: Settings = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Show the class counts of a fold's training part before and after each balancing step.

    Examples:
      skin data balance resnet50 --fold 1

      skin data balance resnet50 --set 'balance=[{step: oversample, to: 0.2},
      {step: downsample, to: 0.5}, {step: smote_tomek}]'
    """
    from skin.config import find_config, load_config
    from skin.console import out
    from skin.data.balance import trace
    from skin.data.balance.summary import summarise_balance
    from skin.training.plan import resolve

    experiment = resolve(load_config(find_config(config), setting or ()), data_dir)
    steps, targets, codes = experiment.config.balance, experiment.targets, experiment.task.codes
    rows = experiment.parts(fold).train
    parts = trace(rows, targets, steps, experiment.open_cache(), codes, experiment.seed(fold))
    out.print(summarise_balance(parts, steps, targets, codes))
