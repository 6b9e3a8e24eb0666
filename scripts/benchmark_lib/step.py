"""The bare training loop: what a model costs when images and bookkeeping cost nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from timm.utils import ModelEmaV3
from torch import Tensor

from skin.models.build import build_model
from skin.training.losses import ClassificationLoss
from skin.training.optimizer import build_optimizer
from skin.training.plan import FoldPlan
from skin.training.precision import choose_device

CONTENT = (
    "forward under autocast, loss, backward, gradient clipping, optimizer step and moving average "
    "of the weights (EMA), as the config has them"
)

Batches = Iterator[tuple[Tensor, Tensor]]

_PIXEL_VALUES = 256
_SYNTHETIC_BATCHES = 4


class TrainingStep:
    """One step of plain PyTorch: the trainer's model, loss, optimizer and precision, no more.

    It reads no loss, shows and saves nothing, and knows no schedule.

    Args:
        plan: whose config says what is trained.
        precision: `fp32`, `bf16` or `fp16`.
        normalise: false where the batches come normalised.
    """

    def __init__(self, plan: FoldPlan, precision: str, *, normalise: bool = True) -> None:
        config, training = plan.config, plan.config.training
        self.device = choose_device(config.runtime.device)
        self.model = build_model(config, pretrained=False).to(self.device)
        if not normalise:
            self.model.normalise = torch.nn.Identity()  # type: ignore[assignment]
        if training.channels_last:
            self.model.to(memory_format=torch.channels_last)
        self.optimizer = build_optimizer(config.optimizer, self.model)
        decay = training.ema_decay
        self.ema = ModelEmaV3(self.model, decay, use_warmup=True) if decay else None
        task = plan.experiment.task
        drawn = plan.order.class_distribution(len(task))
        loss = ClassificationLoss(config.loss, plan.train_counts, drawn, task.tree)
        self.loss = loss.to(self.device)
        self.limit = training.clip_grad_norm
        self.dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")
        self.model.train()
        self.steps = 0

    def __call__(self, images: Tensor, targets: Tensor) -> None:
        """Learn from a batch that is on the device."""
        with torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype is not None):
            log_probabilities = self.model(images)
        loss = self.loss(log_probabilities, targets)
        self.scaler.scale(loss).backward()
        if self.limit:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.limit)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        self.steps += 1
        if self.ema:
            self.ema.update(self.model, self.steps)

    def speed(self, batches: Batches, warmup: int, steps: int) -> float:
        """Train `warmup` batches, then time `steps` more; give images per second."""
        for _ in range(warmup):
            self(*next(batches))
        start, images = now(self.device), 0
        for _ in range(steps):
            batch, targets = next(batches)
            self(batch, targets)
            images += len(targets)
        return images / (now(self.device) - start)


def synthetic_batches(plan: FoldPlan, device: torch.device) -> Batches:
    """Yield random uint8 images (B, 3, S, S) and targets (B,) that lie on the device, for ever."""
    size, count = plan.config.data.image_size, plan.config.training.batch_size
    generator = torch.Generator().manual_seed(0)
    made = []
    for _ in range(_SYNTHETIC_BATCHES):
        shape = (count, size, size, 3)
        images = torch.randint(_PIXEL_VALUES, shape, dtype=torch.uint8, generator=generator)
        targets = torch.randint(len(plan.experiment.task), (count,), generator=generator)
        made.append((images.to(device).permute(0, 3, 1, 2), targets.to(device)))
    while True:
        yield from made


def now(device: torch.device) -> float:
    """Seconds, once the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
