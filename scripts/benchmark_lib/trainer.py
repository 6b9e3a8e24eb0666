"""The speed of the project's own training loop."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import torch

from benchmark_lib.material import with_epochs
from benchmark_lib.step import now
from skin.training.loop import FoldTrainer
from skin.training.optimizer import Schedule
from skin.training.plan import FoldPlan

_BATCHES_AHEAD = 8  # a process; more than the loader holds ready


class _EndOfMeasurementError(Exception):
    """Ends a training once it was timed."""


class _Stopwatch:
    """A trainer's schedule, which it asks before every step, that times the steps on the side."""

    def __init__(self, schedule: Schedule, device: torch.device, first: int, last: int) -> None:
        self._schedule, self._device = schedule, device
        self._first, self._last = first, last
        self._start = 0.0
        self.seconds = 0.0

    def apply(self, optimizer: torch.optim.Optimizer, step: int) -> None:
        """Set the learning rates; start at the first step, and end the training at the last."""
        if step == self._first:
            self._start = now(self._device)
        if step == self._last:
            self.seconds = now(self._device) - self._start
            raise _EndOfMeasurementError
        self._schedule.apply(optimizer, step)


def trainer_speed(plan: FoldPlan, warmup: int, steps: int) -> float:
    """Run `FoldTrainer` and time `steps` batches of its first epoch; give images per second.

    All of the loop is timed: loading, copies, schedule, seeds, display. Starting the loader's
    processes and validation are not. The epoch is longer than what is timed, so that the loader
    is at work to the end.
    """
    ahead = _BATCHES_AHEAD * max(1, plan.config.runtime.workers or 0)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        trainer = FoldTrainer(with_epochs(plan, warmup + steps + ahead), Path(folder))
        stopwatch = _Stopwatch(trainer.schedule, trainer.device, warmup, warmup + steps)
        trainer.schedule = stopwatch  # type: ignore[assignment]
        with suppress(_EndOfMeasurementError):
            trainer.run()
    return steps * trainer.order.batch_size / stopwatch.seconds
