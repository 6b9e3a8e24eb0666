"""Figures as SVG, each drawn for a light and for a dark page."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skin.analysis.report.collect import Entry
from skin.analysis.report.compare import Comparison
from skin.analysis.statistics import Interval

_FONTS = ["Inter", "Helvetica Neue", "Helvetica", "Arial", "DejaVu Sans"]


@dataclass(frozen=True)
class Palette:
    """Colours of one scheme. `folds` is the set of Okabe and Ito, safe for the colour-blind."""

    ink: str
    muted: str
    rule: str
    accent: str
    folds: tuple[str, ...]


LIGHT = Palette(
    ink="#1d2126",
    muted="#646b73",
    rule="#dfe1e4",
    accent="#0072b2",
    folds=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1d2126"),
)
DARK = Palette(
    ink="#e8e6e1",
    muted="#9aa1a9",
    rule="#32373d",
    accent="#56b4e9",
    folds=("#56b4e9", "#ee7d3b", "#2fc79b", "#dd9bbf", "#f0b840", "#4b93d1", "#e8e6e1"),
)


@dataclass(frozen=True)
class Picture:
    """One figure in both schemes, with the text for those who do not see it."""

    light: bytes
    dark: bytes
    alt: str


def draw(alt: str, height: float, paint: Callable[[Axes, Palette], None]) -> Picture:
    """Draw a figure half a page wide and `height` inches high, in both schemes."""
    light, dark = (_svg(height, paint, palette) for palette in (LIGHT, DARK))
    return Picture(light, dark, alt)


def scores_figure(comparison: Comparison) -> Picture:
    """BACC and its interval, a line a ranked run."""
    names = [row.entry.name for row in comparison.ranked]
    intervals = [row.bootstrap.interval("bacc") for row in comparison.ranked]

    def paint(axes: Axes, palette: Palette) -> None:
        _intervals(axes, palette, names, intervals)
        axes.set_title("Balanced accuracy")

    return draw("Balanced accuracy of each run with its interval.", _rows(names), paint)


def differences_figure(comparison: Comparison) -> Picture | None:
    """Paired differences in BACC to the reference; None where there is no other run."""
    pairs = [(row.entry.name, row.difference) for row in comparison.ranked]
    names = [name for name, difference in pairs if difference]
    differences = [difference for _, difference in pairs if difference]
    if not names:
        return None

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.muted, linewidth=1, linestyle=(0, (3, 3)))
        _intervals(axes, palette, names, differences)
        axes.set_title(f"Difference to {comparison.reference.entry.name}, paired")

    alt = "Paired difference in balanced accuracy of each run to one of them, with its interval."
    return draw(alt, _rows(names), paint)


def learning_figures(entry: Entry, highest_bacc: float) -> tuple[Picture, Picture]:
    """A run's BACC on the held-out fold and its losses, over epochs, a line a fold.

    Args:
        entry: the run.
        highest_bacc: of all runs in the report, so that their figures share a scale.
    """

    def bacc(axes: Axes, palette: Palette) -> None:
        for fold, color in zip(entry.folds, _colors(entry, palette), strict=True):
            history = fold.history
            label = f"fold {fold.number}"
            axes.plot(history["epoch"], history["valid_bacc"], color=color, label=label)
            best = history[history["epoch"] == fold.metadata.best_epoch]
            axes.plot(best["epoch"], best["valid_bacc"], "o", color=color, markersize=5)
        axes.set_ylim(0, min(1.0, highest_bacc * 1.08))
        axes.set_title("BACC on the held-out fold; a dot marks the best epoch")
        axes.legend(loc="lower right", ncols=2, frameon=False, labelcolor=palette.muted)
        _epochs(axes, palette, entry)

    def loss(axes: Axes, palette: Palette) -> None:
        for fold, color in zip(entry.folds, _colors(entry, palette), strict=True):
            history = fold.history
            axes.plot(history["epoch"], history["valid_loss"], color=color)
            axes.plot(history["epoch"], history["train_loss"], color=color, linestyle=(0, (2, 2)))
        axes.set_ylim(bottom=0)
        axes.set_title("Loss: held-out (solid), training (dotted)")
        _epochs(axes, palette, entry)

    return (
        draw(f"{entry.name}: balanced accuracy on each held-out fold over epochs.", 2.9, bacc),
        draw(f"{entry.name}: training and held-out loss of each fold over epochs.", 2.9, loss),
    )


def _intervals(
    axes: Axes, palette: Palette, names: Sequence[str], intervals: Sequence[Interval]
) -> None:
    places = range(len(names))
    axes.hlines(
        places,
        [interval.low for interval in intervals],
        [interval.high for interval in intervals],
        color=palette.accent,
        linewidth=2,
    )
    axes.plot([i.value for i in intervals], places, "o", color=palette.accent, markersize=7)
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", labelcolor=palette.ink)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=palette.rule, linewidth=0.8)


def _epochs(axes: Axes, palette: Palette, entry: Entry) -> None:
    thawed = {
        int(fold.history.loc[fold.history["stage"] == "all", "epoch"].min())
        for fold in entry.folds
        if set(fold.history["stage"]) >= {"head", "all"}
    }
    for epoch in thawed:
        axes.axvline(epoch - 0.5, color=palette.muted, linewidth=0.8, linestyle=(0, (1, 3)))
    axes.set_xlabel("epoch; all layers train from the dotted line on" if thawed else "epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=palette.rule, linewidth=0.8)


def _colors(entry: Entry, palette: Palette) -> list[str]:
    return [palette.folds[fold.number % len(palette.folds)] for fold in entry.folds]


def _rows(names: Sequence[str]) -> float:
    return 0.9 + 0.36 * len(names)


def _svg(height: float, paint: Callable[[Axes, Palette], None], palette: Palette) -> bytes:
    with _style(palette):
        figure = Figure(figsize=(5.2, height), layout="constrained")
        paint(figure.subplots(), palette)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    return drawn.getvalue()


@contextmanager
def _style(palette: Palette) -> Iterator[None]:
    with mpl.rc_context(
        {
            "font.family": "sans-serif",
            "font.sans-serif": _FONTS,
            "font.size": 10,
            "svg.fonttype": "none",  # text stays text, in the page's kind of font
            "svg.hashsalt": "skin",  # the same figure is the same file
            "text.color": palette.ink,
            "axes.edgecolor": palette.rule,
            "axes.labelcolor": palette.muted,
            "axes.titlesize": 10.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.titlepad": 10,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "lines.linewidth": 1.5,
            "path.simplify_threshold": 0.5,  # of a pixel, unseen; ROC curves of 10,000 images
            "legend.fontsize": 9,
            "xtick.color": palette.rule,
            "ytick.color": palette.rule,
            "xtick.labelcolor": palette.muted,
            "ytick.labelcolor": palette.muted,
            "ytick.major.size": 0,
        }
    ):
        yield
