"""The one error that a user of `skin` can cause."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SkinError(Exception):
    """A mistake that the user can mend.

    The message names the file, the row or the key, and what to do. The command line prints it
    without a traceback and exits with 2.
    """


def name_some(names: Iterable[object], most: int = 5) -> str:
    """Join names for a message: the first `most`, then how many more there are."""
    items = [str(name) for name in names]
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"


def plural(count: int, one: str, many: str = "") -> str:
    """A count and its words: `one` after 1, else `many`; `one` with an s if that is not given."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say which known names there are, the nearest one first if one is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}known: {', '.join(names)}"


def first_line(error: Exception) -> str:
    """Give an error's first line for a message, or its type where it says nothing."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
