"""Measures of pictures by class, as figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from skin.analysis.blocks import Plot
from skin.analysis.drawing import Palette, draw, height_of, name_rows
from skin.analysis.exploration.cohort import Cohort, percent
from skin.analysis.exploration.features import COLOURS, Measure
from skin.analysis.metrics import FloatArray

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_FAINTEST = 0.1  # of a measure that is drawn logarithmically


def quantiles(cohort: Cohort, values: pd.Series[float]) -> dict[str, FloatArray]:
    """Of each class, the quantiles that are drawn."""
    of_class = cohort.images["class"]
    return {code: np.quantile(values[of_class == code], QUANTILES) for code in cohort.codes}


def quantile_plot(cohort: Cohort, values: pd.Series[float], one: Measure) -> Plot:
    """A measure's quantiles, a row a class; malignant classes in another colour and shape."""
    if one.logarithmic:
        values = values.clip(lower=_FAINTEST)
    drawn = np.stack(list(quantiles(cohort, values).values()))

    def paint(axes: Axes, palette: Palette) -> None:
        for place, diagnosis in enumerate(cohort.classes):
            _paint(axes, palette, place, drawn[place], malignant=diagnosis.malignant)
        name_rows(axes, palette, list(cohort.codes))
        if one.logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(_plain)
        axes.set_title(one.title)

    medians = ", ".join(
        f"{code} {rounded(one.name, middle)}"
        for code, middle in zip(cohort.codes, drawn[:, 2], strict=True)
    )
    alt = f"{one.title} by class: quantiles. Medians: {medians}."
    return Plot(one.name, draw(alt, height_of(cohort.codes), paint))


def _paint(axes: Axes, palette: Palette, place: int, row: FloatArray, *, malignant: bool) -> None:
    """From 5 to 95 % thin, from 25 to 75 % thick, the median as a mark."""
    color = palette.folds[1] if malignant else palette.accent
    axes.hlines(place, row[0], row[4], color=color, linewidth=1)
    axes.hlines(place, row[1], row[3], color=color, linewidth=6, alpha=0.45)
    axes.plot(row[2], place, "D" if malignant else "o", color=color, markersize=6)


def colour_plot(cohort: Cohort, measures: pd.DataFrame) -> Plot:
    """The mean colour of each class's images, in the middle and around it."""
    means = measures[list(COLOURS)].groupby(cohort.images["class"]).mean().loc[list(cohort.codes)]
    swatches = means.to_numpy().reshape(-1, 2, 3) / 255

    def paint(axes: Axes, palette: Palette) -> None:
        axes.imshow(swatches, aspect="auto", interpolation="nearest")
        name_rows(axes, palette, list(cohort.codes))
        axes.grid(visible=False)
        axes.set_ylim(len(cohort.classes) - 0.5, -0.5)
        axes.hlines(np.arange(1, len(cohort.classes)) - 0.5, -0.5, 1.5, palette.paper, linewidth=3)
        axes.set_xticks([0, 1], ["the middle, mostly lesion", "around it, mostly skin"])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="x", length=0)
        axes.set_title("Mean colour")

    rgb = "; ".join(
        f"{code} {' and '.join(_rgb(part) for part in row)}"
        for code, row in zip(cohort.codes, swatches, strict=True)
    )
    alt = f"Mean colour by class, red, green and blue of the middle and around it: {rgb}."
    return Plot("mean-colour", draw(alt, height_of(cohort.codes), paint))


def _rgb(colour: FloatArray) -> str:
    return "/".join(f"{255 * channel:.0f}" for channel in colour)


def rounded(name: str, value: float) -> str:
    """A measure's value as it is shown."""
    return percent(value) if name == "dark_corners" else f"{value:.0f}"


def _plain(value: float, _: object) -> str:
    return f"{value:g}"
