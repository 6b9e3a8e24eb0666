"""What an arm's training step costs, beside the others' on the same machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmark_lib.step import TrainingStep, synthetic_batches

from skin.config import Config
from skin.console import progress
from skin.models.build import build_model
from skin.training.plan import plan_fold, resolve
from skin.training.precision import choose_device, choose_precision

_ROUNDS = 7
_WARMUP, _STEPS = 2, 8  # batches


def measure_costs(configs: Mapping[str, Config], data_dir: Path) -> dict[str, float]:
    """Give each arm's images per second: bare steps on images that lie in memory.

    The arms take turns, so that what else the machine does befalls all of them; the median of
    several turns is given. All models are held at once.
    """
    steps = {}
    for name, config in configs.items():
        # Which images are drawn makes no difference, and balancing takes its time.
        plan = plan_fold(resolve(config.model_copy(update={"balance": ()}), data_dir), 0)
        device = choose_device(config.runtime.device)
        model = build_model(config, pretrained=False)
        precision = choose_precision(config.training.precision, device, model)
        steps[name] = (TrainingStep(plan, precision), synthetic_batches(plan, device))
    speeds: dict[str, list[float]] = {name: [] for name in steps}
    with progress() as bar:
        task = bar.add_task("timing", total=_ROUNDS * len(steps))
        for _ in range(_ROUNDS):
            for name, (step, batches) in steps.items():
                speeds[name].append(step.speed(batches, _WARMUP, _STEPS))
                bar.advance(task)
    return {name: median(values) for name, values in speeds.items()}
