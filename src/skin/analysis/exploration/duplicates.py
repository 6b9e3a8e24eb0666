"""Near-duplicates: one photograph under two ids, beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from skin.analysis.blocks import (
    Block,
    Cell,
    Gallery,
    Group,
    Line,
    Section,
    Strip,
    Table,
    Tone,
    Words,
)
from skin.analysis.exploration.cohort import Cohort, records
from skin.analysis.exploration.photographs import draw_order, no_cache, photo
from skin.analysis.text import plural
from skin.data.duplicates import CORRELATION, HASH_BITS, near_duplicates

_ACROSS = 60  # pairs that are shown
_WITHIN = 6
_INTRO = (
    f"Pairs whose perceptual hashes differ in at most {HASH_BITS} of 64 bits and whose fine "
    f"structure correlates by at least {CORRELATION}. Folds keep each pair together."
)


def section(cohort: Cohort) -> Section:
    """Count the pairs; show those of different lesions, and a sample of the others."""
    title = "Near-duplicates"
    if cohort.cache is None:
        return Section("duplicates", title, [Words(no_cache(cohort), warning=True)])
    pairs = pair_frame(cohort, near_duplicates(cohort.dataset))
    if pairs.empty:
        said = Words("No photograph is there twice.")
        return Section("duplicates", title, [said], _INTRO, finding=said.text)
    across, within = pairs[~pairs["same_lesion"]], pairs[pairs["same_lesion"]]
    blocks: list[Block] = []
    conflicts = int((~pairs["same_class"]).sum())
    if conflicts:
        blocks.append(
            Words(
                f"{plural(conflicts, 'pair')} of one photograph with two diagnoses: one of the "
                "two labels is wrong. They are marked below.",
                warning=True,
            )
        )
    blocks.append(_table(pairs))
    if len(across):
        shown = across.head(_ACROSS)
        caption = "The surest first." * (len(across) > 1)
        if len(shown) < len(across):
            caption += f" {_ACROSS} of {len(across):,}; the CSV has all."
        blocks.append(_gallery(cohort, shown, "across", "Of different lesions", caption))
    if len(within):
        turn = draw_order(cohort.seed, (within["first"] + " " + within["second"]).tolist())
        caption = f"{min(_WITHIN, len(within))} of {plural(len(within), 'pair')}, at random."
        shown = within.iloc[turn[:_WITHIN]]
        gallery = _gallery(cohort, shown, "within", "", caption)
        blocks.append(Group("Of one lesion", [gallery], closed=True))
    return Section("duplicates", title, blocks, _INTRO, finding=_finding(across, conflicts))


def pair_frame(cohort: Cohort, found: pd.DataFrame) -> pd.DataFrame:
    """A row a pair, the surest first: ids, rows, lesions, classes, and whether they agree.

    Args:
        cohort: whose images these are.
        found: as `near_duplicates` gives it.
    """
    first, second = (
        cohort.images.iloc[found[side]].reset_index(drop=True) for side in ("first", "second")
    )
    pairs = pd.DataFrame(
        {
            "first": first["image_id"],
            "second": second["image_id"],
            "distance": found["distance"].to_numpy(int),
            "correlation": found["correlation"].to_numpy(float),
            "first_lesion": first["lesion_id"],
            "second_lesion": second["lesion_id"],
            "first_class": first["class"],
            "second_class": second["class"],
            "same_lesion": (first["lesion_id"] == second["lesion_id"]).astype(bool),
            "same_class": (first["class"] == second["class"]).astype(bool),
            "same_file": (first["sha256"] == second["sha256"]).astype(bool),
            "first_row": found["first"].to_numpy(int),
            "second_row": found["second"].to_numpy(int),
        }
    )
    return pairs.sort_values(
        ["correlation", "first"], ascending=[False, True], ignore_index=True, kind="stable"
    )


def _table(pairs: pd.DataFrame) -> Table:
    lines = []
    for name, is_same in (("of different lesions", False), ("of one lesion", True)):
        part = pairs[pairs["same_lesion"] == is_same]
        figures = [len(part), int((~part["same_class"]).sum()), int(part["same_file"].sum())]
        lines.append(Line(name, [Cell(f"{count:,}", value=count) for count in figures]))
    return Table(
        name="near-duplicates",
        title="Pairs of images that show one photograph",
        heads=["pairs", "found", "with two diagnoses", "the same file"],
        lines=lines,
        frame=pairs.drop(columns=["first_row", "second_row"]),
    )


def _gallery(cohort: Cohort, pairs: pd.DataFrame, name: str, title: str, caption: str) -> Gallery:
    strips = [_strip(cohort, pair) for pair in records(pairs)]
    return Gallery(f"near-duplicates-{name}", title, strips, caption)


def _strip(cohort: Cohort, pair: Mapping[str, Any]) -> Strip:
    tone: Tone = "plain" if pair["same_class"] else "bad"
    photos = [
        photo(
            cohort,
            pair[f"{side}_row"],
            [pair[f"{side}_class"], pair[side], pair[f"{side}_lesion"]],
            tone=tone,
        )
        for side in ("first", "second")
    ]
    head = "" if pair["same_class"] else "Two diagnoses"
    note = f"{pair['distance']} bits, correlation {pair['correlation']:.2f}"
    return Strip(head, photos, note=note + ", the same file" * bool(pair["same_file"]))


def _finding(across: pd.DataFrame, conflicts: int) -> str:
    if across.empty:
        said = "No photograph is there under two lesions"
    else:
        pairs = plural(len(across), "pair")
        verb = "shows" if len(across) == 1 else "show"
        said = f"{pairs} of images of different lesions {verb} one photograph"
    if conflicts:
        said += f"; of all pairs, {conflicts:,} with two diagnoses"
    return f"{said}."
