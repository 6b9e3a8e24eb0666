"""The leaderboard's tables once, as text, for the terminal, for Markdown and for the page."""

from __future__ import annotations

from dataclasses import dataclass

from skin.analysis.leaderboard import wording
from skin.analysis.leaderboard.facts import (
    gain_of_rule,
    malignant_sensitivity,
    rules_from_argmax,
    title_of_rule,
)
from skin.analysis.statistics import Interval
from skin.analysis.text import DASH, number, signed, signed_span, span
from skin.ensembling.assessment import Assessment, RuleLine, UnknownLine

_MELANOMA = "MEL"


@dataclass(frozen=True)
class Cell:
    """A cell, and what stands below it in small: an interval, or a longer name."""

    text: str
    below: str = ""


@dataclass(frozen=True)
class Row:
    """A row: its name, then its figures."""

    name: Cell
    figures: tuple[Cell, ...]
    chosen: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table. A newline in a head is where it may break.

    Attributes:
        text: how to read it.
        in_terminal: how many columns of figures have a place in a terminal.
        names_alone: whether a terminal shows names without what stands below them.
    """

    title: str
    text: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    in_terminal: int | None = None
    names_alone: bool = False


def sheets(assessment: Assessment) -> tuple[Sheet, ...]:
    """All tables that have rows, in reading order."""
    every = (
        leaderboard_sheet(assessment),
        steps_sheet(assessment),
        calibration_sheet(assessment),
        rules_sheet(assessment),
        unknown_sheet(assessment),
    )
    return tuple(sheet for sheet in every if sheet.rows)


def leaderboard_sheet(assessment: Assessment) -> Sheet:
    """Runs and methods, the best first."""
    rows = [
        Row(
            Cell(f"{rank}. {line.name}", "single run" if line.kind == "run" else line.title),
            (
                _score(line.bootstrap.interval("bacc")),
                Cell(number(line.in_sample)),
                _difference(line.difference, otherwise="best run"),
                Cell(number(line.bootstrap.scores.accuracy)),
                Cell(number(line.bootstrap.scores.malignant_auc)),
            ),
            line.chosen,
        )
        for rank, line in enumerate(assessment.lines, start=1)
    ]
    heads = ("BACC,\nnested", "BACC,\nin-sample", "To the best\nrun", "Accuracy", "Malignant\nAUC")
    return Sheet(
        "Leaderboard",
        wording.LEADERBOARD,
        ("Run or method", *heads),
        tuple(rows),
        in_terminal=4,
    )


def steps_sheet(assessment: Assessment) -> Sheet:
    """The way from one run to the final decision."""
    rows = [
        Row(
            Cell(f"{place}. {step.title}"),
            (_score(step.bootstrap.interval("bacc")), _difference(step.gain, otherwise=DASH)),
        )
        for place, step in enumerate(assessment.steps, start=1)
    ]
    heads = ("Step", "BACC,\nout of fold", "Gain,\npaired")
    return Sheet("Steps", wording.steps(assessment), heads, tuple(rows))


def calibration_sheet(assessment: Assessment) -> Sheet:
    """Ways to calibrate the chosen method."""
    rows = [
        Row(
            Cell(line.name, "before calibration" if line.name == "none" else ""),
            tuple(
                Cell(number(figure))
                for figure in (
                    line.calibration.log_loss,
                    line.calibration.brier,
                    line.calibration.ece,
                    line.calibration.class_ece,
                )
            ),
            line.chosen,
        )
        for line in assessment.calibrations
    ]
    heads = ("Calibration", "Log loss", "Brier", "ECE", "Class-wise\nECE")
    return Sheet("Calibration", wording.CALIBRATION, heads, tuple(rows))


def rules_sheet(assessment: Assessment) -> Sheet:
    """Decision rules on the calibrated probabilities, plain argmax first."""
    heads = ["Rule", "BACC,\nnested", "To plain\nargmax", "Accuracy", "Malignant\nsensitivity"]
    if _MELANOMA in assessment.task.codes:
        heads.append("Melanoma\nrecall")
    rows = tuple(_rule(assessment, rule) for rule in rules_from_argmax(assessment))
    text = wording.rules(assessment)
    return Sheet("Decision rules", text, tuple(heads), rows, names_alone=True)


def unknown_sheet(assessment: Assessment) -> Sheet:
    """Outlier scores; no rows if lesions that are none of the classes are not told."""
    lines = assessment.unknown
    heads = ["Outlier score", "Known\nkept", "Cost in\nBACC"]
    if lines is not None and lines.outside:
        heads += ["AUROC,\nnested", f"{lines.code}\nfound", f"BACC with\n{lines.code}"]
    rows = () if lines is None else tuple(map(_unknown, lines.lines))
    text = wording.unknown(assessment)
    return Sheet("Unknown lesions", text, tuple(heads), rows, in_terminal=3, names_alone=True)


def _unknown(line: UnknownLine) -> Row:
    figures = [_score(line.kept), _difference(line.cost, otherwise=DASH)]
    figures += [_score(it) for it in (line.auroc, line.found, line.bacc) if it is not None]
    return Row(Cell(line.name, wording.OUTLIERS[line.name]), tuple(figures), line.chosen)


def _rule(assessment: Assessment, rule: RuleLine) -> Row:
    scores, codes = rule.bootstrap.scores, assessment.task.codes
    shares = [scores.accuracy, malignant_sensitivity(scores, assessment.task)]
    if _MELANOMA in codes:
        shares.append(scores.recall[codes.index(_MELANOMA)])
    figures = (
        _score(rule.bootstrap.interval("bacc")),
        _difference(gain_of_rule(assessment, rule), otherwise=DASH),
        *(Cell(number(share)) for share in shares),
    )
    return Row(Cell(rule.name, title_of_rule(rule, assessment.task)), figures, rule.chosen)


def _score(interval: Interval) -> Cell:
    return Cell(number(interval.value), span(interval))


def _difference(interval: Interval | None, *, otherwise: str) -> Cell:
    if interval is None:
        return Cell(otherwise)
    return Cell(signed(interval.value), signed_span(interval))
