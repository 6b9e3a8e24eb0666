"""A table of what each step of balancing makes of the class counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from skin.config import BalanceStep
from skin.data.balance.steps import TrainingPart, class_counts


def summarise_balance(
    parts: Iterable[TrainingPart],
    steps: Sequence[BalanceStep],
    targets: NDArray[np.int64],
    codes: Sequence[str],
) -> Table:
    """Tabulate images by class (rows) and stage (columns), then in all, repeated and synthetic.

    Args:
        parts: before the first step and after each, as `trace` yields them.
        steps: that were applied.
        targets: (N,) the class index of every row of the dataset's table.
        codes: of the classes.
    """
    table = Table("class", title="images to train on, after each step")
    columns = [[*codes, "images", "of them repeats", "of them synthetic"]]
    for part, header in zip(parts, ["before", *map(_name, steps)], strict=True):
        table.add_column(header, justify="right")
        counts = class_counts(part, targets, len(codes))
        repeats = len(part.rows) - len(np.unique(part.rows))
        synthetic = int((part.rows >= len(targets)).sum())
        numbers = [*counts.tolist(), len(part.rows), repeats, synthetic]
        columns.append([f"{number:,}" for number in numbers])
    for place, row in enumerate(zip(*columns, strict=True)):
        table.add_row(*row, end_section=place == len(codes) - 1)
    return table


def _name(step: BalanceStep) -> str:
    if step.step == "tomek":
        return step.step
    to = step.to if isinstance(step.to, str) else f"{step.to:g}"
    return f"{step.step} to {to}"
