"""The data path alone: how many images one core turns into augmented batches."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import torch

from benchmark_lib.recipe import loaded_counts
from benchmark_lib.results import Result, Spread, Target
from skin.config import Transforms
from skin.data.augment import build_pipeline
from skin.data.loader import AugmentedImages, training_loader
from skin.training.plan import FoldPlan

_PART = "data path, one core"
_TARGET = Target(800, at_least=True)

# Crop, flips, rotation by any angle and colour, each on every image.
ANY_ANGLE: Transforms = [
    {"RandomResizedCrop": {"scale": [0.5, 1.0], "ratio": [0.8, 1.25]}},
    {"HorizontalFlip": {"p": 0.5}},
    {"VerticalFlip": {"p": 0.5}},
    {"Rotate": {"limit": [-180, 180], "border_mode": cv2.BORDER_REFLECT_101, "p": 1.0}},
    {"RandomBrightnessContrast": {"brightness_limit": 0.2, "contrast_limit": 0.2, "p": 1.0}},
    {"HueSaturationValue": {"hue_shift_limit": 8, "sat_shift_limit": 20, "p": 1.0}},
]


def measure_data_path(
    plan: FoldPlan, files: Path, seconds: float, repeats: int
) -> Iterator[Result]:
    """Time the config's pipeline, one with rotation by any angle, and timm's recipe, in turns.

    Args:
        plan: whose training part is loaded.
        files: its original images, a folder a class.
        seconds: for each of the three, over all repeats.
        repeats: how many.
    """
    images = plan.train_images
    side = plan.config.data.image_size
    any_angle = replace(images, pipeline=build_pipeline(ANY_ANGLE, side, "any angle"))
    with _one_thread():
        counts = {
            "cache, config's pipeline": _counts(plan, images),
            "cache, rotation by any angle": _counts(plan, any_angle),
            "files, timm's recipe": loaded_counts(plan, files),
        }
        speeds = _in_turns(counts, seconds / repeats, repeats)
    for what, values in speeds.items():
        target = _TARGET if what.startswith("cache") else None
        yield Result(_PART, what, Spread.of(values), "img/s", target)


def _counts(plan: FoldPlan, images: AugmentedImages) -> Iterator[int]:
    """Load in this process and yield the images of each batch, for ever."""
    batches = plan.order.batches(range(sys.maxsize))
    for batch in training_loader(images, batches, 0, pin_memory=False):
        yield len(batch.rows)


def _in_turns(
    counts: dict[str, Iterator[int]], seconds: float, repeats: int
) -> dict[str, list[float]]:
    """Give each loader's images per second, `repeats` times."""
    for batches in counts.values():
        next(batches)
    speeds: dict[str, list[float]] = {what: [] for what in counts}
    for _ in range(repeats):
        for what, batches in counts.items():
            start, images, taken = time.perf_counter(), 0, 0.0
            while taken < seconds:
                images += next(batches)
                taken = time.perf_counter() - start
            speeds[what].append(images / taken)
    return speeds


@contextmanager
def _one_thread() -> Iterator[None]:
    """Work as a loader's process does: its libraries start no threads."""
    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])
