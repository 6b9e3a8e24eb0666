"""The tables of a row's subgroups: who is in them, their scores, their gaps to the rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from skin.analysis.blocks import Cell, Line, Table, Tone, Words
from skin.analysis.cells import count_cell, ends, score_cell
from skin.analysis.significance.pvalues import p_text
from skin.analysis.subgroups.counts import Subgroup
from skin.analysis.subgroups.study import MEASURES, Estimate, Study
from skin.analysis.text import DASH, PERCENT, plural, signed, signed_span

_NAMES = {
    "age": "age",
    "sex": "sex",
    "site": "site",
    "dx_type": "confirmed by",
    "source": "source",
    "skin_tone": "ITA proxy",
}


def name_of(subgroup: Subgroup) -> str:
    """What a reader calls a subgroup, as `age: 30 to 44`."""
    return f"{_NAMES[subgroup.factor]}: {subgroup.level}"


def losses(found: Study, row: str) -> list[tuple[Subgroup, str, Estimate]]:
    """The supported gaps by which a row does worse in a subgroup, the widest first by measure."""
    return [
        (subgroup, measure, estimate)
        for measure, estimates in found.estimates[row].items()
        for subgroup, estimate in sorted(
            zip(found.subgroups, estimates, strict=True), key=lambda pair: pair[1].gap.value
        )
        if estimate.supported and estimate.gap.value < 0
    ]


def losses_block(found: Study, row: str) -> Table | Words:
    """What `losses` gives, or that there are none."""
    lost = losses(found, row)
    tested = sum(
        not math.isnan(one.p) for estimates in found.estimates[row].values() for one in estimates
    )
    if not lost:
        return Words(f"{row}: of {plural(tested, 'gap')}, none at a subgroup's cost is supported.")
    return Table(
        "subgroups-losses",
        f"{row}: where it does worse than on all other lesions",
        ["Subgroup", "Measure", "Here", "Here less the rest", "p (Holm)"],
        [
            Line(
                name_of(subgroup),
                [
                    Cell(MEASURES[measure]),
                    score_cell(estimate.value),
                    _gap_cell(estimate),
                    Cell(p_text(estimate.p_holm), value=estimate.p_holm),
                ],
            )
            for subgroup, measure, estimate in lost
        ],
        pd.DataFrame([_gap(row, *loss) for loss in lost]),
        caption=f"The {len(lost)} supported ones of {plural(tested, 'gap')}; below a figure its "
        f"95{PERCENT} interval.",
    )


def values_table(found: Study, row: str, suffix: str, held: Iterable[str]) -> Table:
    """A row's scores within each subgroup.

    Args:
        found: the scores.
        row: that is shown.
        suffix: of the table's name.
        held: the rows that the CSV is to hold.
    """
    lines = [
        Line(
            name_of(subgroup),
            [
                count_cell(subgroup.images),
                count_cell(subgroup.lesions),
                count_cell(subgroup.malignant),
                *(_value_cell(found, row, measure, i) for measure in MEASURES),
            ],
        )
        for i, subgroup in enumerate(found.subgroups)
    ]
    return Table(
        f"subgroups{suffix}",
        f"{row}: scores within each subgroup",
        ["Subgroup", "Images", "Lesions", "Malignant lesions", *MEASURES.values()],
        lines,
        pd.DataFrame(
            [
                _value(one, subgroup, measure, estimates[i])
                for one in held
                for measure, estimates in found.estimates[one].items()
                for i, subgroup in enumerate(found.subgroups)
            ]
        ),
        caption=f"Below a score its 95{PERCENT} interval; in brackets, how many classes BACC is "
        "over. Values of subgroups with other classes cannot be compared: see the gaps.",
    )


def gaps_table(found: Study, row: str, suffix: str, held: Iterable[str]) -> Table:
    """A row's gaps of each subgroup to all other lesions; see `values_table`."""
    lines = [
        Line(
            name_of(subgroup),
            [_gap_cell(found.estimates[row][measure][i], with_p=True) for measure in MEASURES],
        )
        for i, subgroup in enumerate(found.subgroups)
    ]
    return Table(
        f"subgroups-gaps{suffix}",
        f"{row}: each subgroup less all other lesions",
        ["Subgroup", *MEASURES.values()],
        lines,
        pd.DataFrame(
            [
                _gap(one, subgroup, measure, estimates[i])
                for one in held
                for measure, estimates in found.estimates[one].items()
                for i, subgroup in enumerate(found.subgroups)
            ]
        ),
        caption=f"Below a gap its 95{PERCENT} interval and the p-value after Holm's correction. "
        "Colour marks supported gaps.",
    )


def _value_cell(found: Study, row: str, measure: str, i: int) -> Cell:
    subgroup, value = found.subgroups[i], found.estimates[row][measure][i].value
    if math.isnan(value.value):
        return Cell(DASH, _lacking(subgroup, measure, found), tone="quiet", value=-1.0)
    cell = score_cell(value)
    if measure != "bacc":
        return cell
    return Cell(f"{cell.text} ({len(subgroup.classes)})", cell.below, value=cell.value)


def _lacking(subgroup: Subgroup, measure: str, found: Study) -> str:
    """The count that is too small for a figure."""
    if subgroup.images < found.limits.images:
        return plural(subgroup.images, "image")
    if measure == "bacc":
        count = len(subgroup.classes)
        return "1 class" if count == 1 else f"{count} classes"
    if measure != "specificity" and subgroup.malignant < found.limits.lesions:
        return f"{subgroup.malignant} malignant"
    return f"{subgroup.benign} benign"


def _gap_cell(estimate: Estimate, *, with_p: bool = False) -> Cell:
    gap = estimate.gap
    if math.isnan(gap.value):
        return Cell(DASH, tone="quiet", value=-2.0)
    tone: Tone = "plain"
    if estimate.supported:
        tone = "good" if gap.value > 0 else "bad"
    below = signed_span(gap)
    if with_p:
        below = f"{below}, p {p_text(estimate.p_holm)}"
    return Cell(signed(gap.value), below, tone, gap.value)


def _who(row: str, subgroup: Subgroup, measure: str) -> dict[str, object]:
    return {
        "run": row,
        "factor": subgroup.factor,
        "level": subgroup.level,
        "images": subgroup.images,
        "lesions": subgroup.lesions,
        "malignant_lesions": subgroup.malignant,
        "benign_lesions": subgroup.benign,
        "measure": measure,
    }


def _value(row: str, subgroup: Subgroup, measure: str, estimate: Estimate) -> dict[str, object]:
    classes = _codes(subgroup.classes, measure)
    return {**_who(row, subgroup, measure), "classes": classes, **ends({"value": estimate.value})}


def _gap(row: str, subgroup: Subgroup, measure: str, estimate: Estimate) -> dict[str, object]:
    return {
        **_who(row, subgroup, measure),
        "classes": _codes(subgroup.shared, measure),
        **ends({"gap": estimate.gap}),
        "p": estimate.p,
        "p_holm": estimate.p_holm,
        "supported": estimate.supported,
    }


def _codes(classes: Sequence[str], measure: str) -> str:
    """The classes that BACC is over; nothing for other measures, which are over all images."""
    return " ".join(classes) if measure == "bacc" else ""
