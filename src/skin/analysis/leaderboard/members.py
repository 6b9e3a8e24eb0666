"""How alike the runs are, and what each adds."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from skin.analysis.drawing import Palette, Picture, draw, height_of, paint_intervals
from skin.analysis.layout import short
from skin.analysis.metrics import FloatArray
from skin.analysis.text import DASH, MINUS
from skin.ensembling.assessment import Assessment

_FEW = 7  # so many runs leave room for longer names and larger numbers


def correlation_figure(assessment: Assessment) -> Picture | None:
    """The correlation of each two runs; None for one run."""
    return _matrix(assessment.names, assessment.correlation, "Correlation of the runs", "{:.2f}")


def disagreement_figure(assessment: Assessment) -> Picture | None:
    """The share of images that each two runs decide differently; None for one run."""
    percent = 100 * assessment.disagreement
    return _matrix(assessment.names, percent, "Images decided differently, %", "{:.1f}")


def gain_figure(assessment: Assessment) -> Picture | None:
    """BACC of the plain mean as runs join it; None for one run."""
    growth = assessment.growth
    if len(growth) <= 1:
        return None
    names = [short(step.name if i == 0 else f"+ {step.name}") for i, step in enumerate(growth)]
    intervals = [step.bacc for step in growth]

    def paint(axes: Axes, palette: Palette) -> None:
        values = [interval.value for interval in intervals]
        axes.plot(values, range(len(values)), color=palette.muted, linewidth=1)
        paint_intervals(axes, palette, names, intervals)
        axes.set_title("Balanced accuracy of the plain mean")

    alt = "Balanced accuracy of the mean of runs with its interval, as runs join."
    return draw(alt, height_of(names), paint, opaque=True)


def _matrix(names: tuple[str, ...], values: FloatArray, title: str, form: str) -> Picture | None:
    """The pairs below the diagonal of a symmetric (R, R) matrix, as coloured cells with numbers."""
    runs = len(names)
    if runs == 1:
        return None
    longest, size = (22, 9) if runs <= _FEW else (14, 7)
    labels = [f"{short(name, longest)} \N{MIDDLE DOT} {i}" for i, name in enumerate(names, start=1)]
    rows, columns = np.tril_indices(runs, -1)
    pairs = values[rows, columns]
    shades = np.full((runs, runs), np.nan)
    shades[rows, columns] = _shades(pairs)
    np.fill_diagonal(shades, 0)

    def paint(axes: Axes, palette: Palette) -> None:
        hue = LinearSegmentedColormap.from_list("hue", [palette.tint, palette.accent])
        cells = np.ma.masked_invalid(shades)
        axes.pcolormesh(cells, cmap=hue, vmin=0, vmax=1, edgecolors=palette.paper, linewidth=1.5)
        for row, column, value in zip(rows, columns, pairs, strict=True):
            axes.text(
                column + 0.5,
                row + 0.5,
                DASH if np.isnan(value) else form.format(value).replace("-", MINUS),
                ha="center",
                va="center_baseline",
                fontsize=size,
                color=_legible(palette, hue(shades[row, column])),
            )
        middles = np.arange(runs) + 0.5
        axes.set_xticks(middles, [str(i + 1) for i in range(runs)])
        axes.set_yticks(middles, labels)
        axes.tick_params(axis="y", labelcolor=palette.ink)
        axes.tick_params(axis="x", size=0)
        axes.invert_yaxis()
        axes.spines[:].set_visible(False)
        axes.set_title(title)

    return draw(f"{title}: a cell for each two.", height_of(names), paint, opaque=True)


def _shades(values: FloatArray) -> FloatArray:
    """Values as 0.1, the lowest, to 1, the highest; NaN stays."""
    known = values[~np.isnan(values)]
    low, high = (known.min(), known.max()) if len(known) else (0, 0)
    return 0.1 + 0.9 * (values - low) / (high - low if high > low else 1)


def _legible(palette: Palette, ground: tuple[float, float, float, float]) -> str:
    """Of ink and paper, the one that stands out more; a cell without a value is paper."""
    if not ground[3]:
        return palette.ink
    here = _luminance(ground[:3]) + 0.05
    contrast = {}
    for color in (palette.ink, palette.paper):
        there = _luminance(to_rgb(color)) + 0.05
        contrast[color] = max(here, there) / min(here, there)
    return max(contrast, key=lambda color: contrast[color])


def _luminance(rgb: tuple[float, float, float]) -> float:
    """Relative luminance, as WCAG 2 defines it (without its straight piece near black)."""
    red, green, blue = (channel**2.2 for channel in rgb)
    luminance: float = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return luminance
