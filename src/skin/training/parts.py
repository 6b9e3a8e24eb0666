"""The parts of a training that libraries bring: device and precision, average, learning rate."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from timm.utils import ModelEmaV3

from skin.models.build import LesionClassifier
from skin.training.optimizer import Schedule
from skin.training.plan import FoldPlan


def build_accelerator(precision: str, device: torch.device) -> Accelerator:
    """Set accelerate up for one precision on one kind of device."""
    if device.index is not None:
        torch.cuda.set_device(device)
    return Accelerator(
        mixed_precision="no" if precision == "fp32" else precision,
        cpu=device.type == "cpu",
    )


def build_average(model: LesionClassifier, decay: float | None) -> ModelEmaV3 | None:
    """Copy the model for its average over the steps.

    The decay warms up as 1 - 10 / (10 + step): the average spans the last tenth of the steps
    until it reaches the decay asked for, so that a short training is not averaged with its start.
    """
    if decay is None:
        return None
    return ModelEmaV3(model, decay, use_warmup=True, warmup_gamma=10.0, warmup_power=1.0)


def build_schedule(plan: FoldPlan, steps: int) -> Schedule:
    """The learning rate over a fold's training, of `steps` an epoch."""
    training = plan.config.training
    unfreezing = (training.freeze_epochs * steps,) if training.freeze_epochs else ()
    return Schedule(plan.config.schedule, training.epochs * steps, steps, (0, *unfreezing))
