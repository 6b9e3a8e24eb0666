"""What the rows cost: parameters, time, hardware."""

from __future__ import annotations

import pandas as pd

from skin.analysis.blocks import Block, Cell, Plot, Section, Table
from skin.analysis.report import figures
from skin.analysis.report.cells import line
from skin.analysis.report.collect import Entry
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.report.context import Context
from skin.analysis.text import DASH, duration, millions

_INTRO = (
    "Training time is wall time, all folds one after another; of an ensemble, of all its members "
    "together. Images a second are of the training, the mean over folds."
)


def section(context: Context) -> Section:
    """Give a row's size, speed, time and hardware, and BACC over time."""
    comparison = context.comparison
    drawn = figures.cost_figure(comparison)
    blocks: list[Block] = [_table(comparison)]
    if drawn:
        blocks.append(Plot("cost", drawn))
    return Section("costs", "Size and cost", blocks, _INTRO)


def hardware(entry: Entry) -> str:
    """What the folds were trained on, each kind once."""
    known = [str(fold.metadata.hardware) for fold in entry.folds if fold.metadata.hardware]
    return "; ".join(dict.fromkeys(known)) or DASH


def _table(comparison: Comparison) -> Table:
    return Table(
        name="costs",
        title="",
        heads=["Run", "Parameters", "Images/s", "Epochs", "Time", "Time/fold", "Precision", "On"],
        lines=[line(comparison, row, _cells(row.entry)) for row in comparison.rows],
        frame=pd.DataFrame([_record(row) for row in comparison.rows]),
    )


def _cells(entry: Entry) -> list[Cell]:
    speed, seconds = entry.images_per_s, entry.seconds
    each = seconds / len(entry.folds) if seconds is not None and entry.folds else None
    return [
        Cell(millions(entry.parameters), value=entry.parameters),
        Cell(DASH if speed is None else f"{speed:,.0f}", value=speed),
        Cell(entry.recorded("epochs") or DASH),
        Cell(duration(seconds), value=seconds),
        Cell(duration(each), value=each),
        Cell(entry.recorded("precision") or DASH),
        Cell(hardware(entry), tone="quiet"),
    ]


def _record(row: Row) -> dict[str, object]:
    entry = row.entry
    return {
        "run": entry.name,
        "kind": entry.kind,
        "bacc": row.scores.bacc,
        "parameters": entry.parameters,
        "images_per_s": entry.images_per_s,
        "seconds": entry.seconds,
        "folds": len(entry.folds),
        "epochs": entry.recorded("epochs"),
        "precision": entry.recorded("precision"),
        "hardware": hardware(entry),
    }
