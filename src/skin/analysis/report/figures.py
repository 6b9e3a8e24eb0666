"""The report's figures: scores, differences and learning curves."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from skin.analysis.drawing import Palette, Picture, draw, height_of, paint_intervals
from skin.analysis.report.collect import Entry
from skin.analysis.report.compare import Comparison


def scores_figure(comparison: Comparison) -> Picture:
    """BACC and its interval, a line a ranked run."""
    names = [row.entry.name for row in comparison.ranked]
    intervals = [row.bootstrap.interval("bacc") for row in comparison.ranked]

    def paint(axes: Axes, palette: Palette) -> None:
        paint_intervals(axes, palette, names, intervals)
        axes.set_title("Balanced accuracy")

    return draw("Balanced accuracy of each run with its interval.", height_of(names), paint)


def differences_figure(comparison: Comparison) -> Picture | None:
    """Paired differences in BACC to the reference; None where there is no other run."""
    pairs = [(row.entry.name, row.difference) for row in comparison.ranked]
    names = [name for name, difference in pairs if difference]
    differences = [difference for _, difference in pairs if difference]
    if not names:
        return None

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.muted, linewidth=1, linestyle=(0, (3, 3)))
        paint_intervals(axes, palette, names, differences)
        axes.set_title(f"Difference to {comparison.reference.entry.name}, paired")

    alt = "Paired difference in balanced accuracy of each run to one of them, with its interval."
    return draw(alt, height_of(names), paint)


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
