"""A table of one image's classes, as several commands print it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from skin.taxonomy import Task


def class_table(image_id: str, task: Task, probabilities: Sequence[float]) -> Table:
    """List the classes of an image, the likeliest first."""
    table = Table("class", "", "probability", title=escape(image_id), title_justify="left")
    ranked = sorted(zip(task.classes, probabilities, strict=True), key=lambda each: -each[1])
    for diagnosis, probability in ranked:
        kind = "malignant" if diagnosis.malignant else "benign"
        table.add_row(diagnosis.name, kind, f"{probability:.3f}")
    return table
