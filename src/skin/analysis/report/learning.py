"""Learning curves of a run, a line a fold."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from skin.analysis.drawing import Palette, Picture, draw
from skin.analysis.layout import legend_below
from skin.analysis.report.collect import Entry

_HEIGHT = 3.1
_LEGEND = 5  # folds on a line of the legend


def figures(entry: Entry, scale: tuple[float, float]) -> tuple[Picture, Picture]:
    """A run's BACC on the held-out fold and its losses, over epochs, a line a fold.

    Args:
        entry: the run.
        scale: the lowest and the highest BACC of all runs in the report, so that their figures
            share it.
    """

    def bacc(axes: Axes, palette: Palette) -> None:
        for fold, color in zip(entry.folds, _colors(entry, palette), strict=True):
            history = fold.history
            label = f"fold {fold.number}"
            axes.plot(history["epoch"], history["valid_bacc"], color=color, label=label)
            best = history[history["epoch"] == fold.metadata.best_epoch]
            axes.plot(best["epoch"], best["valid_bacc"], "o", color=color, markersize=5)
        low, high = scale
        margin = 0.08 * (high - low) or 0.05
        axes.set_ylim(max(low - margin, 0), min(high + margin, 1))
        axes.set_title("BACC on the held-out fold; a dot marks the best epoch")
        _epochs(axes, palette, entry)
        legend_below(axes, palette, columns=_LEGEND)

    def loss(axes: Axes, palette: Palette) -> None:
        for fold, color in zip(entry.folds, _colors(entry, palette), strict=True):
            history = fold.history
            axes.plot(
                history["epoch"], history["valid_loss"], color=color, label=f"fold {fold.number}"
            )
            axes.plot(history["epoch"], history["train_loss"], color=color, linestyle=(0, (2, 2)))
        axes.set_ylim(bottom=0)
        axes.set_title("Loss: held-out (solid), training (dotted)")
        _epochs(axes, palette, entry)
        legend_below(axes, palette, columns=_LEGEND)

    return (
        draw(f"{entry.name}: balanced accuracy on each held-out fold over epochs.", _HEIGHT, bacc),
        draw(f"{entry.name}: training and held-out loss of each fold over epochs.", _HEIGHT, loss),
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
