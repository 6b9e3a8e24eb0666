"""Cases as `skin predict` prints them, one at a time, so that any number can be printed."""

from __future__ import annotations

import json
from textwrap import indent
from typing import TYPE_CHECKING, Any

from skin.cli.classes import class_table
from skin.console import out
from skin.inference.cases import cases_of

if TYPE_CHECKING:
    from skin.inference.cases import Case
    from skin.inference.decisions import Decisions
    from skin.taxonomy import Task


def show_tables(decisions: Decisions) -> None:
    """Print a table of each image's classes, and under it what is made of them."""
    for case in cases_of(decisions):
        table = class_table(case.image_id, decisions.task, case.probabilities)
        table.caption = _caption(case)
        table.caption_justify = "left"
        out.print(table)


def show_json(decisions: Decisions) -> None:
    """Print a JSON list with an object an image."""
    before = "["
    for case in cases_of(decisions):
        text = indent(json.dumps(_tree(case, decisions.task), indent=2, ensure_ascii=False), "  ")
        _print(f"{before}\n{text}")
        before = ","
    _print("]")


def _print(text: str) -> None:
    out.print(text, soft_wrap=True, markup=False, emoji=False)


def _caption(case: Case) -> str:
    """Say the decision, its set and whether to refer the case."""
    parts = [f"decision: {case.decision.name}"]
    if case.unknown:
        parts = [f"decision: none of the classes; the nearest is {case.decision.name}"]
    if case.conformal is not None:
        parts.append(f"set: {' '.join(case.conformal) or 'none'}")
    if case.refer is not None:
        parts.append("refer" if case.refer else "no need to refer")
    return "; ".join(parts)


def _tree(case: Case, task: Task) -> dict[str, Any]:
    ranked = sorted(zip(task.classes, case.probabilities, strict=True), key=lambda each: -each[1])
    return {
        "image": case.image_id,
        "diagnosis": case.decision.name,
        "decision": case.decision.code,
        "probability": case.probability,
        "malignant_probability": sum(p for c, p in ranked if c.malignant),
        "entropy": case.entropy,
        "mutual_information": case.mutual_information,
        "set": case.conformal,
        "refer": case.refer,
        "unknown": case.unknown,
        "classes": [
            {"code": c.code, "name": c.name, "malignant": c.malignant, "probability": p}
            for c, p in ranked
        ],
    }
