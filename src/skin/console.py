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

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def note(message: str) -> None:
    """Say what was chosen or done."""
    err.print(f"[dim]{message}[/dim]")


def warn(message: str) -> None:
    """Say what the user should know, though the work goes on."""
    err.print(f"[yellow]warning:[/yellow] {message}")


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
    )
