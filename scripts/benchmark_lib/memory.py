"""The memory of a training: its peak beside the cache, epoch after epoch."""

from __future__ import annotations

import resource
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psutil

from benchmark_lib.material import with_epochs
from benchmark_lib.results import Result, Spread, Target
from skin.console import err
from skin.training.loop import FoldTrainer
from skin.training.plan import FoldPlan

_PART = "memory"
_EPOCHS = 5
_BATCHES = 4  # an epoch
_INTERVAL = 0.2  # seconds between samples, each of which takes some hundredths of one
_GB = 1e9
_PEAK = Target(3.0, at_least=False)
_GROWTH = Target(1.05, at_least=False)


def measure_memory(plan: FoldPlan, cache: Path) -> Iterator[Result]:
    """Train some short epochs, with validation and checkpoints, and watch the memory.

    Run it first in a process: the system's own figure counts all that the process ever held.

    Args:
        plan: what to train.
        cache: the folder of the decoded images, whose pages are not counted.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, _quiet():
        trainer = FoldTrainer(with_epochs(plan, _BATCHES, _EPOCHS), Path(folder))
        with _Watch(trainer, cache) as watch:
            trainer.run()
    peaks = [watch.peaks[epoch] / _GB for epoch in sorted(watch.peaks)]
    for epoch, peak in enumerate(peaks):
        yield _result(f"peak in epoch {epoch}", peak, "GB")
    yield _result("peak, beside the cache", max(peaks), "GB", _PEAK)
    yield _result("last epoch over the second", peaks[-1] / peaks[1], "x", _GROWTH)
    # Kilobytes, but on macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    main = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _GB
    yield _result("main process with mapped files", main, "GB")
    pixels = sum(path.stat().st_size for path in cache.iterdir()) / _GB
    yield _result("the cache's size", pixels, "GB")


def _result(what: str, value: float, unit: str, target: Target | None = None) -> Result:
    return Result(_PART, what, Spread.of([value]), unit, target)


class _Watch:
    """Samples the memory of this process and its loaders, in a thread and after each epoch.

    Attributes:
        peaks: bytes, the highest sample of each epoch.
    """

    def __init__(self, trainer: FoldTrainer, cache: Path) -> None:
        self.peaks: dict[int, int] = {}
        self._trainer, self._cache = trainer, str(cache.resolve())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample_on, daemon=True)
        self._after_epoch = trainer.schedule.after_epoch
        # The trainer tells its schedule of each epoch's end: a short one is sampled for sure.
        trainer.schedule.after_epoch = self._sample_after_epoch  # type: ignore[method-assign]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample_after_epoch(self, bacc: float) -> None:
        self._sample()
        self._after_epoch(bacc)

    def _sample_on(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self._sample()

    def _sample(self) -> None:
        # The last checkpoint is written after the last epoch was counted.
        epoch = min(self._trainer.progress.epoch, _EPOCHS - 1)
        process = psutil.Process()
        processes = (process, *process.children(recursive=True))
        used = sum(_resident(one, self._cache) for one in processes)
        self.peaks[epoch] = max(used, self.peaks.get(epoch, 0))


def _resident(process: psutil.Process, cache: str) -> int:
    """Bytes in memory without the cache's pages; pages that processes share count once in all."""
    try:
        if sys.platform != "linux":  # which alone tells a shared page's share
            return process.memory_info().rss
        maps = process.memory_maps()
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # a loader that just ended
        return 0
    return sum(part.pss for part in maps if not part.path.startswith(cache))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the epochs' lines out of the benchmark's output."""
    err.quiet = True
    try:
        yield
    finally:
        err.quiet = False
