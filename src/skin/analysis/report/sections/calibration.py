"""Whether a probability can be taken at its word."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skin.analysis import metrics
from skin.analysis.blocks import Block, Cell, Plot, Section, Table, Words
from skin.analysis.calibration import Calibration, measure
from skin.analysis.cells import ends, score_cell, value_cell
from skin.analysis.checks import check_probabilities
from skin.analysis.report import reliability
from skin.analysis.report.cells import line
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.report.context import Context
from skin.analysis.report.resampling import mean_intervals
from skin.analysis.statistics import Interval
from skin.analysis.text import number, signed, signed_span
from skin.errors import name_some

_LEAST = float(np.finfo(np.float64).eps)  # what `calibration.measure` takes a probability of 0 as
_INTRO = (
    "Of the images that a model is 80 % sure of, 80 % should be right. By the probabilities "
    "themselves, before any decision rule; all figures are the better the lower."
)
_CAPTION = (
    "ECE: expected calibration error of the likeliest class, 15 bins (Guo et al. 2017); class ECE: "
    "the mean over the classes, each against the rest. Both grow by chance alone, and more so in a "
    "resample, so they have no interval. Brier: squared error summed over the classes, 0 to 2. Log "
    "loss in nats. Overconfidence: mean confidence less accuracy."
)
_DIAGRAM = (
    "On the dashed line a model is as often right as it says; below it, it is too sure of itself. "
    "A dot is a bin, its area the images in it."
)
_NO_SHARES = "Not measured, as the probabilities of an image do not sum to 1: {names}."


def section(context: Context) -> Section:
    """Give reliability diagrams and the errors that they sum up to."""
    comparison = context.comparison
    measured = {
        row: measure(row.entry.targets, row.entry.probabilities, row.entry.task)
        for row in comparison.rows
        if _sum_to_one(row)
    }
    left_out = [row.entry.name for row in comparison.rows if row not in measured]
    blocks: list[Block] = []
    if left_out:
        blocks.append(Words(_NO_SHARES.format(names=name_some(left_out)), warning=True))
    if measured:
        names = [row.entry.name for row in measured]
        drawn = reliability.diagrams(names, list(measured.values()))
        blocks += [
            _table(measured, comparison),
            Plot("reliability", drawn, _DIAGRAM, wide=True),
        ]
    best = comparison.best
    finding = _finding(best, measured[best]) if best in measured else ""
    return Section("calibration", "Calibration", blocks, _INTRO, finding)


def _sum_to_one(row: Row) -> bool:
    try:
        check_probabilities(row.entry.probabilities, len(row.entry.task))
    except ValueError:
        return False
    return True


def _errors(row: Row) -> dict[str, Interval]:
    """The figures that are means over images, by the names of their columns."""
    targets, probabilities = row.entry.targets, row.entry.probabilities
    images = np.arange(len(targets))
    truth = np.eye(len(row.entry.task))[targets]
    right = metrics.decide(probabilities) == targets
    means = {
        "log_loss": -np.log(np.clip(probabilities[images, targets], _LEAST, 1)),
        "brier": ((probabilities - truth) ** 2).sum(axis=1),
        "overconfidence": probabilities.max(axis=1) - right,
    }
    return dict(zip(means, mean_intervals(row, list(means.values())), strict=True))


def _table(measured: dict[Row, Calibration], comparison: Comparison) -> Table:
    lines, records = [], []
    for row, it in measured.items():
        errors = _errors(row)
        log_loss, brier, gap = errors.values()
        cells = [score_cell(log_loss), score_cell(brier), value_cell(it.ece)]
        cells += [value_cell(it.class_ece), _signed_cell(gap)]
        lines.append(line(comparison, row, cells))
        records.append(
            {
                "run": row.entry.name,
                "marks": ", ".join(row.marks),
                **ends(errors),
                "ece": it.ece,
                "class_ece": it.class_ece,
                **{
                    f"ece_{code}": error
                    for code, error in zip(comparison.task.codes, it.class_eces, strict=True)
                },
            }
        )
    return Table(
        name="calibration",
        title="",
        heads=["Run", "Log loss", "Brier", "ECE", "Class ECE", "Overconfidence"],
        lines=lines,
        frame=pd.DataFrame(records),
        caption=_CAPTION,
    )


def _signed_cell(gap: Interval) -> Cell:
    return Cell(signed(gap.value), signed_span(gap), value=gap.value)


def _finding(best: Row, calibration: Calibration) -> str:
    right = metrics.decide(best.entry.probabilities) == best.entry.targets
    sure = float(best.entry.probabilities.max(axis=1).mean())
    return (
        f"{best.entry.name} is {number(sure)} sure on average and right in {number(right.mean())} "
        f"of images by its likeliest class; ECE {number(calibration.ece)}."
    )
