"""What the commands print: results on standard output, progress and remarks on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

# What the time left is told by: a batch of many models and views may take a minute.
_SPEED_SECONDS = 600


def note(message: str) -> None:
    """Say what was chosen or done."""
    err.print(message, style="dim", markup=False, soft_wrap=True)


def warn(message: str) -> None:
    """Say what the user should know, though the work goes on."""
    err.print(Text("warning: ", style="yellow") + Text(message), soft_wrap=True)


def fail(message: str) -> None:
    """Say why the command ends here."""
    err.print(Text("error: ", style="bold red") + Text(message), soft_wrap=True)


def progress() -> Progress:
    """A progress bar with count, time taken and time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=err,
        speed_estimate_period=_SPEED_SECONDS,
    )
