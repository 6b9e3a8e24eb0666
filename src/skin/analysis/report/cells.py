"""Lines that the report's tables share, beside the cells that all pages do."""

from __future__ import annotations

from collections.abc import Sequence

from skin.analysis.blocks import Cell, Line
from skin.analysis.cells import count_cell, ends, gap_cell, score_cell, value_cell
from skin.analysis.report.compare import Comparison, Row

__all__ = ["count_cell", "ends", "gap_cell", "line", "score_cell", "value_cell"]


def line(comparison: Comparison, row: Row, cells: Sequence[Cell]) -> Line:
    """A row's line, with its name and marks; the best one is set off."""
    return Line(row.entry.name, cells, row.marks, best=row is comparison.best)
