"""timm's published training recipe on the same images: its reader, transforms and loader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import timm.data
import torch

from benchmark_lib.step import Batches
from skin.training.plan import FoldPlan

CONTENT = (
    "timm.data's ImageDataset decodes the original files with Pillow at full size; its training "
    "transforms at their defaults (RandomResizedCrop of 8 to 100 % of the area, horizontal flip) "
    "with RandAugment rand-m9-inc1 in the place of colour jitter (the published ResNet recipe's, "
    "less the noise on its magnitude, whose extremes Pillow refuses); its create_loader, with its "
    "prefetcher on a GPU"
)

# The published recipe adds mstd0.5. Some images are then to be posterised to 0 bits, which
# Pillow 13 refuses; the noise changes nothing in the time an image takes.
_AUTO_AUGMENT = "rand-m9-inc1"
_COLOR_JITTER = 0.4


def recipe_batches(
    plan: FoldPlan, folder: Path, batches: int, workers: int, device: torch.device
) -> Batches:
    """Yield normalised images (B, 3, S, S) and targets (B,) on the device.

    Args:
        plan: whose config says model, size and batch.
        folder: of the images, a folder a class.
        batches: how many, without an end of an epoch between them.
        workers: loader processes.
        device: where the batches go.
    """
    for images, targets in _loader(plan, folder, batches, workers, device):
        moved = images.to(device)
        if plan.config.training.channels_last:
            moved = moved.contiguous(memory_format=torch.channels_last)
        yield moved, targets.to(device)


def loaded_counts(plan: FoldPlan, folder: Path) -> Iterator[int]:
    """Load in this process and yield the images of each batch, for ever."""
    while True:
        for _, targets in _loader(plan, folder, 1000, 0, torch.device("cpu")):
            yield len(targets)


def _loader(plan: FoldPlan, folder: Path, batches: int, workers: int, device: torch.device) -> Any:  # noqa: ANN401 - timm has no type for it
    config = plan.config
    on_gpu = device.type == "cuda"
    dataset = timm.data.ImageDataset(str(folder))
    # One epoch over the folder again and again: timm's own epochs would end within seconds here.
    samples = dataset.reader.samples
    repeated = samples * (1 + batches * config.training.batch_size // len(samples))
    dataset.reader.samples = repeated
    return timm.data.create_loader(
        dataset,
        input_size=(3, config.data.image_size, config.data.image_size),
        batch_size=config.training.batch_size,
        is_training=True,
        color_jitter=_COLOR_JITTER,
        auto_augment=_AUTO_AUGMENT,
        interpolation="random",
        num_workers=workers,
        pin_memory=on_gpu,
        use_prefetcher=on_gpu,
        device=device,
    )
