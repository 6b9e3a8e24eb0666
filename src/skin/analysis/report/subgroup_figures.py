"""BACC by subgroup, and its gap to the rest, drawn for one or two rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes

from skin.analysis.drawing import Palette, Picture, draw, height_of, name_rows, paint_dots
from skin.analysis.statistics import Interval
from skin.analysis.subgroups.study import Estimate, Study

_APART = 0.17  # of two rows' dots, in lines
_MARKERS = ("o", "D")


def bacc_figure(study: Study, names: Sequence[str], rows: Sequence[str]) -> Picture | None:
    """BACC within each subgroup that has enough images; None where none has.

    Args:
        study: what was found.
        names: what a reader calls the subgroups, in their order.
        rows: the one or two rows to draw.
    """

    def finish(axes: Axes, palette: Palette) -> None:
        del palette
        axes.set_title("BACC within each subgroup")

    alt = "Balanced accuracy within each subgroup, with its interval."
    return _draw(study, names, rows, alt=alt, of=lambda estimate: estimate.value, finish=finish)


def gap_figure(study: Study, names: Sequence[str], rows: Sequence[str]) -> Picture | None:
    """Each subgroup's gap in BACC to the rest; see `bacc_figure`."""

    def finish(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.muted, linewidth=1, linestyle=(0, (3, 3)))
        axes.set_title("Gap in BACC to all others, same classes")

    alt = "Gap in balanced accuracy of each subgroup to all other lesions, with its interval."
    return _draw(study, names, rows, alt=alt, of=lambda estimate: estimate.gap, finish=finish)


def _draw(
    study: Study,
    names: Sequence[str],
    rows: Sequence[str],
    *,
    alt: str,
    of: Callable[[Estimate], Interval],
    finish: Callable[[Axes, Palette], None],
) -> Picture | None:
    found = {row: [of(estimate) for estimate in study.estimates[row]["bacc"]] for row in rows}
    known = [i for i in range(len(names)) if not math.isnan(found[rows[0]][i].value)]
    if not known:
        return None

    def paint(axes: Axes, palette: Palette) -> None:
        for i, (row, intervals) in enumerate(found.items()):
            shift = _APART * (2 * i - len(rows) + 1)
            paint_dots(
                axes,
                [place + shift for place in range(len(known))],
                [intervals[j] for j in known],
                palette.folds[i],
                marker=_MARKERS[i],
                label=row,
            )
        name_rows(axes, palette, [names[i] for i in known])
        finish(axes, palette)
        if len(rows) > 1:
            axes.legend(
                loc="upper center",
                bbox_to_anchor=(0.5, -0.04),
                ncols=2,
                frameon=False,
                labelcolor=palette.muted,
            )

    return draw(alt, height_of([names[i] for i in known]), paint)
