"""Runs `skin`, and is killed at a moment that the first two arguments name.

The kill is SIGKILL, which no code of the process sees.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from skin.cli import main
from skin.training import checkpoint, loop, run


def die(*_arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def on_call(count: int, original: Callable[..., Any], instead: Callable[..., Any]) -> Any:  # noqa: ANN401
    """Wrap a function so that its call number `count`, from 1, is `instead`."""
    calls = 0

    def wrapped(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        nonlocal calls
        calls += 1
        return (instead if calls == count else original)(*arguments, **options)

    return wrapped


_save = torch.save


def half_written(state: dict[str, Any], path: Path) -> None:
    """Leave the first half of a checkpoint where the whole was to be."""
    _save(state, path)
    os.truncate(path, path.stat().st_size // 2)
    die()


def main_until(moment: str, count: int) -> None:
    if moment == "step":
        trainer = loop.FoldTrainer
        # Replacing a step is the one way to stop within an epoch.
        trainer._train_batch = on_call(count, trainer._train_batch, die)  # noqa: SLF001
    elif moment == "checkpoint":
        checkpoint.torch.save = on_call(count, _save, half_written)
    elif moment == "weights":
        loop.save_weights = on_call(count, loop.save_weights, die)
    elif moment == "fold":
        run.write_json = on_call(count, run.write_json, die)
    main()


if __name__ == "__main__":
    moment, count = sys.argv[1], int(sys.argv[2])
    sys.argv[1:3] = []
    main_until(moment, count)
