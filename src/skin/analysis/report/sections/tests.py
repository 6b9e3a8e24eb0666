"""Every ranked row tested against the reference: BACC, right and wrong decisions, AUCs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skin.analysis.blocks import Block, Cell, Group, Line, Section, Table, Tone, Words
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.report.context import Context
from skin.analysis.report.paired import PairedTest, PairedTests
from skin.analysis.significance.pvalues import (
    ALPHA,
    p_text,
    smallest_p,
    too_coarse,
)
from skin.analysis.text import PERCENT, plural, signed, signed_span
from skin.errors import name_some

_INTRO = (
    "Every row against {reference}, on the same images. Images of a lesion are not independent, so "
    "all tests take lesions as the draws. p-values are two-sided and corrected by Holm's method "
    "within each column, for {tests}."
)
_METHODS = (
    "BACC: paired bootstrap over lesions, {resamples} resamples, whose smallest p-value is "
    "{smallest}. Right decisions: McNemar's test for clustered pairs (Durkalski et al. 2003); the "
    "difference is the mean over lesions of the share of images decided right, each lesion counted "
    "once. AUC: DeLong's test for clustered data (Obuchowski 1997); AUCs are of the probabilities, "
    "whatever the decision rule. Intervals of these two are normal approximations, and where each "
    "lesion has one image they are the classic tests."
)
_PICKED = (
    "{reference} was picked as the best of these rows by BACC on these images, which favours it a "
    "little in each comparison; `--baseline` names a row that was chosen beforehand."
)
_COARSE = (
    "With {resamples} resamples, no p-value of BACC can fall below {smallest}, which is too coarse "
    "to tell one of {rows} apart after the correction: give more resamples."
)
_NAMED = 2  # rows in the finding, at most
_NOT_RANKED = "Not tested, as they are not ranked: {names}."


def section(context: Context) -> Section | None:
    """Test the ranked rows against the reference; None where there is only one."""
    comparison = context.comparison
    reference = comparison.reference
    others = [row for row in comparison.ranked if row is not reference]
    if not others:
        return None
    tests = comparison.tests
    small = _decimals(smallest_p(comparison.resamples))
    blocks: list[Block] = [
        _main_table(comparison, others, tests),
        Words(_METHODS.format(resamples=f"{comparison.resamples:,}", smallest=small)),
        *_warnings(comparison, len(others)),
    ]
    if tests.classes:
        table = _class_table(comparison, others, tests.classes)
        blocks.append(Group("AUC of each class", [table], closed=True))
    return Section(
        "tests",
        "Paired tests",
        blocks,
        intro=_INTRO.format(
            reference=reference.entry.name, tests=plural(len(others), "comparison")
        ),
        finding=_finding(reference.entry.name, tests.bacc),
    )


def _main_table(comparison: Comparison, others: Sequence[Row], tests: PairedTests) -> Table:
    """A line a row, two columns a test, and the verdict on BACC in words."""
    reference = comparison.reference.entry.name
    columns = {"BACC": tests.bacc, "Right decisions": tests.right, "Malignant AUC": tests.malignant}
    known = {name: family for name, family in columns.items() if family}
    lines = [
        Line(
            row.entry.name,
            [
                *(cell for family in known.values() for cell in _cells(family[i])),
                _verdict(tests.bacc[i]),
            ],
            marks=row.marks,
        )
        for i, row in enumerate(others)
    ]
    return Table(
        "tests",
        f"Against {reference}",
        ["Row", *(head for name in known for head in (name, "p (Holm)")), "BACC, in words"],
        lines,
        pd.DataFrame([_figures(test, reference) for family in known.values() for test in family]),
        caption=f"Differences to {reference}, below them 95{PERCENT} intervals; below a corrected "
        "p-value the raw one.",
    )


def _class_table(
    comparison: Comparison, others: Sequence[Row], tests: Sequence[PairedTest]
) -> Table:
    reference = comparison.reference.entry.name
    measures = list(dict.fromkeys(test.measure for test in tests))
    lines = [
        Line(
            row.entry.name,
            [_with_p(test) for test in tests if test.row == row.entry.name],
            marks=row.marks,
        )
        for row in others
    ]
    return Table(
        "tests-classes",
        "",
        ["Row", *(measure.removeprefix("AUC ") for measure in measures)],
        lines,
        pd.DataFrame([_figures(test, reference) for test in tests]),
        caption=f"Differences to {reference} in the AUC of each class against the rest; below them "
        f"the p-value after Holm's correction for all {len(tests)}. Colour marks those below "
        f"{ALPHA}.",
    )


def _cells(test: PairedTest) -> tuple[Cell, Cell]:
    gap = test.difference
    return (
        Cell(signed(gap.value), below=signed_span(gap), tone=_tone(test), value=gap.value),
        Cell(p_text(test.p_holm), below=f"raw {p_text(test.p)}", value=test.p_holm),
    )


def _with_p(test: PairedTest) -> Cell:
    value = test.difference.value
    return Cell(signed(value), below=f"p {p_text(test.p_holm)}", tone=_tone(test), value=value)


def _tone(test: PairedTest) -> Tone:
    """Good or bad only where the test tells the two apart."""
    if not test.told_apart:
        return "plain"
    return "good" if test.difference.value > 0 else "bad"


def _verdict(test: PairedTest) -> Cell:
    if not test.told_apart:
        return Cell("not told apart", tone="quiet")
    return Cell("better" if test.difference.value > 0 else "worse", tone=_tone(test))


def _figures(test: PairedTest, reference: str) -> dict[str, object]:
    counts = test.counts
    return {
        "run": test.row,
        "reference": reference,
        "measure": test.measure,
        "method": test.method,
        "run_value": test.ours,
        "reference_value": test.theirs,
        "difference": test.difference.value,
        "difference_low": test.difference.low,
        "difference_high": test.difference.high,
        "only_run_right": counts and counts.only_ours,
        "only_reference_right": counts and counts.only_theirs,
        "statistic": counts and counts.statistic,
        "p": test.p,
        "p_holm": test.p_holm,
        "family": test.family,
    }


def _warnings(comparison: Comparison, others: int) -> list[Words]:
    said = []
    names, resamples = comparison.reference.entry.name, comparison.resamples
    if comparison.baseline is None:
        said.append(Words(_PICKED.format(reference=names)))
    if too_coarse(resamples, others):
        coarse = _COARSE.format(
            resamples=f"{resamples:,}", smallest=_decimals(smallest_p(resamples)), rows=others
        )
        said.append(Words(coarse, warning=True))
    left_out = [row.entry.name for row in comparison.rows if not row.ranked]
    if left_out:
        said.append(Words(_NOT_RANKED.format(names=name_some(left_out))))
    return said


def _finding(reference: str, tests: Sequence[PairedTest]) -> str:
    """Which rows differ from the reference in BACC, and how far the nearest of each kind is."""
    said = []
    for relation, kind in (
        ("better than", [test for test in tests if test.told_apart and test.difference.value > 0]),
        ("worse than", [test for test in tests if test.told_apart and test.difference.value < 0]),
        ("not told apart from", [test for test in tests if not test.told_apart]),
    ):
        if kind:
            nearest = min(kind, key=lambda test: abs(test.difference.value))
            who = f"{len(kind)} rows are" if len(kind) > _NAMED else f"{_both(kind)}"
            gap = f"{signed(nearest.difference.value)}, {signed_span(nearest.difference)}"
            which = "" if len(kind) == 1 else f"nearest: {nearest.row}, "
            said.append(f"{who} {relation} {reference} ({which}{gap})")
    return f"In BACC, {'; '.join(said)}; Holm-corrected."


def _both(tests: Sequence[PairedTest]) -> str:
    return f"{' and '.join(test.row for test in tests)} {'is' if len(tests) == 1 else 'are'}"


def _decimals(p: float) -> str:
    return f"{p:.2g}"
