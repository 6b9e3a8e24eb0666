"""What pages' figures share: short names, the legend below."""

from __future__ import annotations

from matplotlib.axes import Axes

from skin.analysis.drawing import Palette

DASHED = (0, (3, 3))
LEGEND = 0.35  # the height of a legend's line, in inches


def short(name: str, longest: int = 28) -> str:
    """A name that leaves room for the figure: of a long one the two ends, which tell it apart."""
    if len(name) <= longest:
        return name
    tail = longest // 2
    return f"{name[: longest - tail - 1]}\N{HORIZONTAL ELLIPSIS}{name[-tail:]}"


def legend_below(axes: Axes, palette: Palette, columns: int = 4) -> None:
    """Put the legend under the figure, where it hides nothing."""
    figure = axes.figure
    figure.legend(
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        labelcolor=palette.muted,
        columnspacing=1.4,
        handletextpad=0.4,
    )
