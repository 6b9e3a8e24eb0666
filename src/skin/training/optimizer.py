"""The optimizer and the learning rate over the steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import timm.optim
import torch

from skin.config import OptimizerConfig, ScheduleConfig
from skin.errors import SkinError, did_you_mean
from skin.models.build import LesionClassifier


def build_optimizer(config: OptimizerConfig, model: LesionClassifier) -> torch.optim.Optimizer:
    """Build an optimizer of timm's with four groups: backbone or new layers, decayed or not.

    Biases and normalisation layers (tensors of one dimension) are not decayed.

    Raises:
        SkinError: timm has no optimizer of that name.
    """
    known = timm.optim.list_optimizers()
    if config.name not in known:
        hint = did_you_mean(config.name, known)
        raise SkinError(f"optimizer.name: unknown optimizer '{config.name}': {hint}")
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        place = (name.startswith("backbone."), parameter.ndim > 1)
        groups.setdefault(place, []).append(parameter)
    optimizer: torch.optim.Optimizer = timm.optim.create_optimizer_v2(
        [
            {
                "params": parameters,
                "lr": config.lr * (1.0 if in_backbone else config.head_lr_scale),
                "weight_decay": config.weight_decay if decayed else 0.0,
            }
            for (in_backbone, decayed), parameters in groups.items()
        ],
        opt=config.name,
        lr=config.lr,
        weight_decay=config.weight_decay,
    )
    return optimizer


@dataclass
class Schedule:
    """The learning rate as a factor on each group's own, set before every step.

    Cosine and constant are functions of the step alone. Plateau is `ReduceLROnPlateau` on the
    figure that epochs are judged by. Each stage (new layers only, then all) begins with a warm-up.

    Attributes:
        config: the kind and its numbers.
        total_steps: of the whole training.
        steps_per_epoch: of one epoch.
        stage_starts: the first step of each stage.
    """

    config: ScheduleConfig
    total_steps: int
    steps_per_epoch: int
    stage_starts: tuple[int, ...] = (0,)
    reduction: float = 1.0
    best: float = -math.inf
    stale_epochs: int = 0
    _base: list[float] = field(default_factory=list)

    def apply(self, optimizer: torch.optim.Optimizer, step: int) -> None:
        """Set the groups' learning rates for `step`, counted from 0."""
        if not self._base:
            self._base = [
                group.setdefault("base_lr", group["lr"]) for group in optimizer.param_groups
            ]
        factor = self.factor(step)
        for group, base in zip(optimizer.param_groups, self._base, strict=True):
            group["lr"] = base * factor

    def factor(self, step: int) -> float:
        """Give the factor for `step`."""
        start = max(s for s in self.stage_starts if s <= step)
        warmup = self.config.warmup_epochs * self.steps_per_epoch
        ramp = min(1.0, (step - start + 1) / warmup) if warmup else 1.0
        if self.config.kind == "cosine":
            low = self.config.min_lr_ratio
            wave = 0.5 * (1 + math.cos(math.pi * step / max(1, self.total_steps - 1)))
            return ramp * (low + (1 - low) * wave)
        return ramp * self.reduction

    def after_epoch(self, figure: float) -> None:
        """Reduce the rate when the figure has not risen for more than `plateau_patience` epochs."""
        if self.config.kind != "plateau":
            return
        if figure > self.best:
            self.best, self.stale_epochs = figure, 0
            return
        self.stale_epochs += 1
        if self.stale_epochs > self.config.plateau_patience:
            lowered = self.reduction * self.config.plateau_factor
            self.reduction = max(self.config.min_lr_ratio, lowered)
            self.stale_epochs = 0

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold; the rest follows from the step."""
        return {
            "reduction": self.reduction,
            "best": self.best,
            "stale_epochs": self.stale_epochs,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`'s result."""
        self.reduction = state["reduction"]
        self.best = state["best"]
        self.stale_epochs = state["stale_epochs"]
