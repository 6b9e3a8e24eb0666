"""Figures of where heatmaps look, and of what the answer hangs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skin.analysis.drawing import (
    FULL_WIDTH,
    Palette,
    Picture,
    draw,
    draw_figure,
    height_of,
    paint_intervals,
)
from skin.analysis.localisation.results import TRACED, Curve, MapResult
from skin.analysis.statistics import Interval

_DOTTED = (0, (2, 2))
_DASHED = (0, (3, 3))
_CURVES_HEIGHT = 3.2


def energy_figure(names: Sequence[str], differences: Sequence[Interval]) -> Picture:
    """By how much more of each map's energy lies in its own image's lesion than in others'.

    Args:
        names: of the maps.
        differences: as many.
    """

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.muted, linewidth=1, linestyle=_DASHED)
        paint_intervals(axes, palette, names, differences)
        axes.set_title("Energy inside: own lesion less others")

    alt = (
        "The share of each map's energy inside its image's lesion less that inside the masks of "
        "other lesions, with its interval; at zero the map follows no lesion."
    )
    return draw(alt, height_of(names), paint)


def sanity_figure(names: Sequence[str], similarities: Sequence[Interval]) -> Picture:
    """How alike each map is to that of a model whose weights are all random."""

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.muted, linewidth=1, linestyle=_DASHED)
        paint_intervals(axes, palette, names, similarities)
        axes.set_title("Correlation with random weights")

    alt = "Rank correlation of each map with that of a model of random weights, with its interval."
    return draw(alt, height_of(names), paint)


def curves_figure(title: str, maps: Mapping[str, MapResult]) -> Picture:
    """A run's deletion and insertion curves, each beside a random order's.

    Args:
        title: the run's name.
        maps: by the name for readers.
    """

    def paint(figure: Figure, palette: Palette) -> None:
        for axes, kind in zip(figure.subplots(1, 2, sharey=True), TRACED, strict=True):
            for color, (name, found) in zip(palette.folds, maps.items(), strict=False):
                if kind in found.curves:
                    _band(axes, found.curves[kind], color, name)
            first = next(iter(maps.values()))
            if kind in first.curves:
                blind = first.curves[f"{kind}_random"]
                values = [one.value for one in blind.values]
                axes.plot(
                    blind.shares, values, color=palette.muted, linestyle=_DOTTED, label="at random"
                )
            taken = "blurred" if kind == "deletion" else "shown, all else blurred"
            axes.set_title(f"{title}: {kind}")
            axes.set_xlabel(f"share of the image that is {taken}")
            axes.set_ylim(0, 1)
            axes.grid(axis="y", color=palette.rule, linewidth=0.8)
        axes.legend(loc="lower right", frameon=False, labelcolor=palette.muted)
        figure.axes[0].set_ylabel("probability of the predicted class")

    alt = (
        f"{title}: the predicted class's probability as the image is blurred, and as it is shown, "
        "in the order of each map and at random."
    )
    return draw_figure(alt, (FULL_WIDTH, _CURVES_HEIGHT), paint)


def _band(axes: Axes, curve: Curve, color: str, name: str) -> None:
    axes.plot(curve.shares, [one.value for one in curve.values], color=color, label=name)
    low, high = [one.low for one in curve.values], [one.high for one in curve.values]
    axes.fill_between(curve.shares, low, high, color=color, alpha=0.15, linewidth=0)
