"""Running a step in a process of its own, and watching what it takes."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from skin.errors import SkinError

_PERIOD = 0.1  # seconds


class Taken(NamedTuple):
    """What a step took.

    Attributes:
        seconds: on the clock.
        cpu_seconds: of all its processes, as far as they were seen.
        memory: bytes that all its processes held, by time; pages of mapped files, which the
            system takes back at need, do not count.
        killed: whether it was ended before its end.
    """

    seconds: float
    cpu_seconds: float
    memory: list[int]
    killed: bool

    @property
    def growth(self) -> float:
        """Bytes that the memory grew by from the second fifth of the time to the fourth."""
        fifth = len(self.memory) // 5
        if not fifth:
            return 0.0
        early, late = self.memory[fifth : 2 * fifth], self.memory[3 * fifth : 4 * fifth]
        return statistics.median(late) - statistics.median(early)


def run(
    step: Callable[..., None], *arguments: object, until: Callable[[], bool] = lambda: False
) -> Taken:
    """Run a step, and kill it, without a warning, once `until` says so.

    Raises:
        SkinError: the step failed.
    """
    process = multiprocessing.get_context("spawn").Process(target=step, args=arguments)
    start = time.monotonic()
    process.start()
    tree = psutil.Process(process.pid)
    memory: list[int] = []
    killed = False
    cpu: dict[int, float] = {}
    try:
        while process.is_alive() and not killed:
            with suppress(psutil.NoSuchProcess):
                memory.append(_look(tree, cpu))
            if until():
                process.kill()
                killed = True
            process.join(_PERIOD)
        process.join()
    finally:
        process.kill()
    if not killed and process.exitcode:
        raise SkinError(f"{step.__name__} failed")
    return Taken(time.monotonic() - start, sum(cpu.values()), memory, killed)


def size(folder: Path) -> int:
    """Bytes of all files below a folder, which may come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _look(tree: psutil.Process, cpu: dict[int, float]) -> int:
    """Note each process's processor time; give their memory."""
    memory = 0
    for process in (tree, *tree.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            used = process.memory_info()
            memory += used.rss - getattr(used, "shared", 0)
            times = process.cpu_times()
            cpu[process.pid] = times.user + times.system
    return memory
