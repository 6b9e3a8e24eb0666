"""What the user sees while a fold trains."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from skin.console import err
from skin.training.selection import Selection

_REFRESH_SECONDS = 0.5


class Display:
    """A bar over all steps of a fold, and a line an epoch.

    Reading a loss from a GPU waits for it, so the loop asks `due` before it reads one.

    Args:
        title: what is trained.
        total_steps: of the whole training.
        done_steps: of them, before this one began.
        selection: names the figure that epochs are judged by, beside BACC.
    """

    def __init__(self, title: str, total_steps: int, done_steps: int, selection: Selection) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn(f"{selection.title} {{task.fields[figure]}}"),
            TextColumn("{task.fields[speed]} img/s"),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=err,
            transient=True,
        )
        self._title = title
        self._task = self._progress.add_task(
            title, total=total_steps, completed=done_steps, loss="-", figure="-", speed="-"
        )
        self._selection = selection
        self._last = 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def due(self) -> bool:
        """Whether it is time to show new figures."""
        return time.monotonic() - self._last >= _REFRESH_SECONDS

    def step(self, steps: int, epoch: int, loss: float, images_per_s: float) -> None:
        """Show the running figures."""
        self._last = time.monotonic()
        self._progress.update(
            self._task,
            completed=steps,
            description=f"{self._title}, epoch {epoch}",
            loss=f"{loss:.3f}",
            speed=f"{images_per_s:.0f}",
        )

    def epoch(self, row: Mapping[str, Any], *, best: bool) -> None:
        """Print an epoch's line."""
        chosen = self._selection
        figure = f"{row[chosen.column]:.3f}"
        beside = "" if chosen.by == "bacc" else f"{chosen.title} {figure}  "
        self._progress.update(self._task, figure=figure)
        self._progress.print(
            f"{self._title}, epoch {row['epoch']:>2}  lr {row['lr']:.1e}  "
            f"loss {row['train_loss']:.3f}  validation loss {row['valid_loss']:.3f}  "
            f"BACC {row['valid_bacc']:.3f}  {beside}{row['images_per_s']:.0f} img/s  "
            f"{row['seconds']:.0f} s{'  best' if best else ''}",
            soft_wrap=True,
        )
