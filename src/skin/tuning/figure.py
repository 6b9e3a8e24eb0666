"""A study as a figure: its history, and each tuned key against the score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from skin.files import replacing
from skin.tuning.space import Parameter, Range

# Of the set of Okabe and Ito, safe for the colour-blind.
_COMPLETE, _PRUNED, _BEST, _INK, _RULE = "#0072b2", "#8a929a", "#d55e00", "#1d2126", "#dfe1e4"
_COLUMNS = 3
_LABELLED = 2  # decades of a logarithmic range, up to which a label stands between powers of ten
_SPREAD = 0.16  # how far apart the trials of one choice are drawn


def save_figure(table: pd.DataFrame, parameters: Sequence[Parameter], folder: Path) -> None:
    """Write `figure.svg` and `figure.png`.

    Args:
        table: of `results.trials_table`.
        parameters: a panel each.
        folder: to write into.
    """
    with _style():
        figure = draw(table, parameters)
        for kind, metadata in (("svg", {"Date": None}), ("png", {})):
            with replacing(folder / f"figure.{kind}") as temporary:
                figure.savefig(temporary, format=kind, dpi=144, metadata=metadata)


def draw(table: pd.DataFrame, parameters: Sequence[Parameter]) -> Figure:
    """Draw the history over the whole width, and below it a panel for each tuned key."""
    rows = math.ceil(len(parameters) / _COLUMNS)
    columns = min(_COLUMNS, len(parameters))
    figure = Figure(figsize=(max(6.0, 3.1 * columns), 2.9 + 2.5 * rows), layout="constrained")
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[1.15, *[1.0] * rows])
    history = figure.add_subplot(grid[0, :])
    _history(history, table)
    for place, parameter in enumerate(parameters):
        row, column = divmod(place, columns)
        axes = figure.add_subplot(grid[row + 1, column], sharey=history)
        _panel(axes, table, parameter)
        axes.set_ylabel("BACC" if column == 0 else "")
        axes.tick_params(labelleft=column == 0)
    return figure


def _history(axes: Axes, table: pd.DataFrame) -> None:
    done = table[table["state"] == "complete"]
    _points(axes, table, table["trial"])
    best = done["bacc"].astype(float).cummax()
    axes.step(done["trial"], best, where="post", color=_BEST, label="best so far")
    axes.set_title("Validation BACC of each trial")
    axes.set_xlabel("trial")
    axes.set_ylabel("BACC")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(table):
        axes.set_xlim(-0.5, max(table["trial"]) + 0.5)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=8)


def _panel(axes: Axes, table: pd.DataFrame, parameter: Parameter) -> None:
    values = table[parameter.key]
    if isinstance(parameter, Range):
        _points(axes, table, values)
        if parameter.log:
            _log_scale(axes, parameter)
        elif parameter.integer:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        # Trials of one choice stand side by side in their order, not upon each other.
        turns = table.groupby(parameter.key)["trial"].rank() - 1
        sizes = table.groupby(parameter.key)["trial"].transform("size")
        offsets = np.where(sizes > 1, (turns / (sizes - 1).clip(lower=1) - 0.5) * 2 * _SPREAD, 0)
        places = values.map({text: place for place, text in enumerate(parameter.texts)})
        _points(axes, table, places + offsets)
        labels = [text if len(text) <= 14 else f"{text[:13]}…" for text in parameter.texts]  # noqa: PLR2004 - what fits
        axes.set_xticks(range(len(labels)), labels)
        axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.set_xlabel(parameter.key)


def _log_scale(axes: Axes, parameter: Range) -> None:
    """The whole range, with as many labels as fit a narrow panel."""
    decades = math.log10(parameter.high / parameter.low)
    axes.set_xscale("log")
    axes.set_xlim(parameter.low / 10 ** (decades / 20), parameter.high * 10 ** (decades / 20))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if decades <= _LABELLED else (1.0,)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.1g}"))


def _points(axes: Axes, table: pd.DataFrame, places: pd.Series[float]) -> None:
    """A filled dot for each completed trial, the best in its own colour; a cross for a pruned."""
    scores = table["bacc"].astype(float)
    done, pruned = table["state"] == "complete", table["state"] == "pruned"
    axes.plot(places[done], scores[done], "o", color=_COMPLETE, markersize=5, label="complete")
    if pruned.any():
        axes.plot(
            places[pruned],
            scores[pruned],
            "x",
            color=_PRUNED,
            markersize=5,
            label="pruned, score then",
        )
    if done.any():
        best = int(scores[done].to_numpy().argmax())
        place, score = places[done].to_numpy()[best], scores[done].to_numpy()[best]
        axes.plot(place, score, "o", color=_BEST, markersize=7)
    axes.grid(axis="y", color=_RULE, linewidth=0.8)
    axes.tick_params(length=0)


@contextmanager
def _style() -> Iterator[None]:
    with mpl.rc_context(
        {
            "font.size": 9,
            "svg.fonttype": "none",
            "svg.hashsalt": "skin",  # the same figure is the same file
            "text.color": _INK,
            "axes.edgecolor": _RULE,
            "axes.labelcolor": _INK,
            "axes.titlesize": 10.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.labelcolor": _INK,
            "ytick.labelcolor": _INK,
            "legend.frameon": False,
        }
    ):
        yield
