"""Where rows err together: how many of them decide an image right, by true class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.blocks import Cell, Line, Table
from skin.analysis.metrics import TIED, IntArray
from skin.analysis.report.browser.columns import decisions
from skin.analysis.report.compare import Row
from skin.analysis.report.resampling import mean_intervals
from skin.analysis.text import PERCENT, plural
from skin.taxonomy import Task


def images_table(task: Task, rows: Sequence[Row]) -> Table:
    """Count right decisions by true class; the frame has every image with every row's decision.

    Args:
        task: names the classes.
        rows: ranked ones, best first.
    """
    targets = rows[0].entry.targets
    right = rights(rows).sum(axis=1)
    heads = ["Right", "Wrong"] if len(rows) == 1 else ["Right in all", "Some", "Right in none"]
    groups = [right == len(rows), (right > 0) & (right < len(rows)), right == 0]
    if len(rows) == 1:
        del groups[1]
    lines = [
        Line(f"{one.code} {one.name}", _counts(targets == index, groups))
        for index, one in enumerate(task.classes)
        if (targets == index).any()
    ]
    lines.append(Line("All", _counts(np.ones(len(targets), dtype=bool), groups), best=True))
    return Table(
        name="images",
        title="Images that the runs get right" if len(rows) > 1 else "Images that it gets right",
        heads=["True class", "Images", *heads],
        lines=lines,
        frame=_frame(task, rows),
        caption="The file has each image with each run's decision and probabilities.",
    )


def finding(task: Task, rows: Sequence[Row]) -> str:
    """Say how many images no row gets right, and for what the most of them are taken."""
    best = rows[0]
    wrong = rights(rows).sum(axis=1) == 0
    if not wrong.any():
        return ""
    (share,) = mean_intervals(best, [wrong.astype(np.float64)])
    names = [*task.codes, TIED]
    pairs = Counter(
        zip(best.entry.targets[wrong].tolist(), decisions(best)[wrong].tolist(), strict=True)
    )
    (true, decided), count = min(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    who = f"All {len(rows)} runs get" if len(rows) > 1 else f"{best.entry.name} gets"
    taken = "tied" if names[decided] == TIED else f"taken for {names[decided]}"
    by = f" by {best.entry.name}" if len(rows) > 1 else ""
    return (
        f"{who} {wrong.sum():,} of {plural(len(wrong), 'image')} wrong ({_percent(share.value)}, "
        f"{_percent(share.low)} to {_percent(share.high)}); {count:,} are {names[true]} "
        f"{taken}{by}."
    )


def rights(rows: Sequence[Row]) -> NDArray[np.bool_]:
    """(N, R) whether each row decides each image right; a tie is wrong."""
    return np.stack([decisions(row) == row.entry.targets for row in rows], axis=1)


def _counts(of_class: NDArray[np.bool_], groups: Sequence[NDArray[np.bool_]]) -> list[Cell]:
    images = int(of_class.sum())
    cells = [Cell(f"{images:,}", value=images)]
    for group in groups:
        count = int((of_class & group).sum())
        share = count / images
        cells.append(Cell(f"{count:,}", below=_percent(share), value=share))
    return cells


def _frame(task: Task, rows: Sequence[Row]) -> pd.DataFrame:
    first = rows[0].entry
    frame = first.oof[["image_id", "lesion_id", "fold", "target"]].copy()
    frame["rows_right"] = rights(rows).sum(axis=1)
    names = np.array([*task.codes, TIED])
    for row in rows:
        decided = decisions(row)
        frame[f"decided_{row.entry.name}"] = names[decided]
        frame[f"p_decided_{row.entry.name}"] = of_class(row, decided)
        frame[f"p_true_{row.entry.name}"] = of_class(row, first.targets)
    return frame


def of_class(row: Row, classes: IntArray) -> NDArray[np.float64]:
    """(N,) the probability of a class for each image; of the largest where it is undecided."""
    probabilities = row.entry.probabilities
    tied = classes == probabilities.shape[1]
    chosen = np.where(tied, probabilities.argmax(axis=1), classes)
    values: NDArray[np.float64] = np.take_along_axis(probabilities, chosen[:, None], axis=1)[:, 0]
    return values


def _percent(share: float) -> str:
    return f"{100 * share:.1f}{PERCENT}"
