"""What the browser knows of each image, as columns in JSON.

A page of 10,000 images and several runs has half a million probabilities. They stand as unsigned
integers of 16 bits, little-endian, in base64, which a page reads without parsing numbers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis import metrics
from skin.analysis.metrics import IntArray
from skin.analysis.report.compare import Row
from skin.taxonomy import Task

SCALE = 65_535
"""What a probability of 1 is stored as."""

_FACTS = ("age", "sex", "site", "dx_type")


def to_json(task: Task, rows: Sequence[Row], images: pd.DataFrame | None, side: int | None) -> str:
    """Write the columns of rows that predict the same images.

    Args:
        task: names the classes.
        rows: ranked ones, best first.
        images: the dataset's rows of their images, in their order; None if not at hand.
        side: the thumbnails' short side; None where there are none.

    Returns:
        JSON that is safe within a `<script>`.
    """
    oof = rows[0].entry.oof
    lesion, lesions = pd.factorize(oof["lesion_id"])
    return script_json(
        {
            "scale": SCALE,
            "side": side,
            "classes": [
                {"code": one.code, "name": one.name, "malignant": one.malignant}
                for one in task.classes
            ],
            "image": oof["image_id"].tolist(),
            "lesions": lesions.tolist(),
            "lesion": _packed(lesion, np.uint32),
            "fold": _packed(oof["fold"].to_numpy(), np.uint16),
            "target": _packed(rows[0].entry.targets, np.uint8),
            "runs": [_run(row) for row in rows],
            "facts": _facts(task, images),
        }
    )


def decisions(row: Row) -> IntArray:
    """(N,) what a row decides, as the report's scores have it: C, undecided, for an exact tie."""
    return metrics.decide(row.entry.scores)


def script_json(value: object) -> str:
    """Compact JSON that no HTML parser mistakes for a tag's end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _run(row: Row) -> dict[str, object]:
    return {
        "name": row.entry.name,
        "rule": row.entry.rule,
        "marks": [mark for mark in row.marks if not mark.startswith("rule ")],
        "decided": _packed(decisions(row), np.uint8),
        "probability": _packed(np.rint(row.entry.probabilities * SCALE), np.uint16),
    }


def _facts(task: Task, images: pd.DataFrame | None) -> dict[str, object]:
    """The metadata that there are, by column."""
    if images is None:
        return {}
    names = (*_FACTS, "dx") if _says_more(task, images["dx"]) else _FACTS
    return {name: _fact(images[name]) for name in names if images[name].notna().any()}


def _says_more(task: Task, dx: pd.Series[str]) -> bool:
    """Whether diagnoses say more than classes, as one class has several of them here."""
    index = task.index_by_dx()
    classes = [index[name] for name in dx.dropna().unique() if name in index]
    return len(set(classes)) < len(classes)


def _fact(column: pd.Series[Any]) -> dict[str, object]:
    """A column's distinct values, and the index of each image's; one too high where missing."""
    index, values = pd.factorize(column, sort=True)
    words = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    return {"values": words, "index": _packed(np.where(index < 0, len(words), index), np.uint16)}


def _packed(values: NDArray[Any], dtype: type[np.unsignedinteger[Any]]) -> str:
    """Integers in base64, little-endian."""
    packed = values.astype(np.dtype(dtype).newbyteorder("<"))
    return base64.b64encode(packed.tobytes()).decode()
