"""What each mistake costs: built in, or from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skin.analysis.metrics import FloatArray
from skin.data.sources.metadata import read_csv
from skin.errors import SkinError, did_you_mean, name_some
from skin.taxonomy import Task

_MISSED = 10.0


def built_in_costs(task: Task) -> FloatArray:
    """Costs (C, C), truth by decision: 10 for a malignant lesion called benign, else 1.

    The 10 is a convention and not a measurement; a clinic has its own.
    """
    malignant = np.isin(task.codes, task.malignant)
    costs = np.where(malignant[:, None] & ~malignant, _MISSED, 1.0)
    np.fill_diagonal(costs, 0.0)
    return costs


def read_costs(path: Path, task: Task) -> FloatArray:
    """Read costs (C, C), truth by decision in task order, from a CSV.

    Its first column names the true class of each row, and its header the decided class of each
    other column, in any order; the header of the first column is free. Costs are numbers from 0 on,
    0 for a right decision:

        truth,BEN,MAL
        BEN,0,1
        MAL,10,0

    Raises:
        SkinError: the file cannot be read, a class is missing, unknown or there twice, or a cost is
            wrong; the message names the cell.
    """
    table = read_csv(_content(path), str(path))
    truths, decisions = table.iloc[:, 0].tolist(), table.columns[1:].tolist()
    _check_codes(truths, task, f"{path}, first column")
    _check_codes(decisions, task, f"{path}, header")
    costs = np.zeros((len(task), len(task)))
    for number, truth, *cells in table.itertuples(name=None):
        for decision, text in zip(decisions, cells, strict=True):
            where = f"{path}, row {number} ({truth}), column {decision}"
            cost = _read_cost(text, where, right=truth == decision)
            costs[task.codes.index(truth), task.codes.index(decision)] = cost
    if not costs.any():
        raise SkinError(f"{path}: every cost is 0, so that all decisions are as good as each other")
    return costs


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SkinError(f"cannot read the costs in {path}: {error.strerror}") from error


def _check_codes(found: Sequence[str], task: Task, where: str) -> None:
    """Refuse anything but each of the task's codes once."""
    unknown = [code for code in found if code not in task.codes]
    if unknown:
        known = did_you_mean(unknown[0], task.codes)
        raise SkinError(f"{where}: '{unknown[0]}' is no class of {task.name}; {known}")
    twice = [code for code in task.codes if found.count(code) > 1]
    if twice:
        raise SkinError(f"{where}: {name_some(twice)} stands there twice")
    missing = [code for code in task.codes if code not in found]
    if missing:
        raise SkinError(
            f"{where}: {name_some(missing)} is missing; give every class of {task.name}"
        )


def _read_cost(text: str, where: str, *, right: bool) -> float:
    try:
        cost = float(text)
    except ValueError:
        raise SkinError(f"{where}: '{text}' is no number") from None
    if not 0 <= cost < np.inf:
        raise SkinError(f"{where}: {text} must be a finite cost from 0 on")
    if right and cost:
        raise SkinError(f"{where}: {text} must be 0, as the decision is right")
    return cost
