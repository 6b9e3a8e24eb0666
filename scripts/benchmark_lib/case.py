"""All measurements of one model, in a process of their own."""

from __future__ import annotations

import gc
import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmark_lib import material
from benchmark_lib.data_path import measure_data_path
from benchmark_lib.memory import measure_memory
from benchmark_lib.recipe import recipe_batches
from benchmark_lib.results import CaseResults, Result, Spread, Target
from benchmark_lib.step import TrainingStep, synthetic_batches
from benchmark_lib.trainer import trainer_speed
from skin.allocator import keep_freed_memory
from skin.config import Config
from skin.console import note
from skin.data.cache import cache_folder
from skin.models.build import build_model
from skin.training.environment import hardware, versions
from skin.training.plan import FoldPlan, loader_workers
from skin.training.precision import choose_device, choose_precision

_AS_FAST_AS_RECIPE = Target(1.0, at_least=True)
_WARMUP = {"cpu": 3, "cuda": 20}  # batches
_FEWEST_STEPS = 3


@dataclass(frozen=True)
class Case:
    """What to measure.

    Attributes:
        config: of the training.
        data_dir: where its dataset is.
        seconds: for each measurement, once.
        repeats: of each measurement.
    """

    config: Config
    data_dir: Path
    seconds: float
    repeats: int

    @property
    def name(self) -> str:
        """As `resnet50 at 224 px`."""
        return f"{self.config.model.backbone} at {self.config.data.image_size} px"


def run_apart(case: Case) -> CaseResults:
    """Measure a case in a process of its own.

    Cases share nothing then: neither the peak of memory nor accelerate's one precision a process.

    Raises:
        SkinError: as of the training.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as pool:
        return pool.submit(run, case).result()


def run(case: Case) -> CaseResults:
    """Measure memory first, then the data path, the loops in turns, and the precisions."""
    keep_freed_memory()  # as every training does
    plan, precision, device = _prepare(case)
    config = plan.config
    cache = cache_folder(plan.experiment.dataset.root, config.data.short_side or 0)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        files = Path(scratch)
        material.export_files(plan, files)
        note(f"{case.name}: memory")
        memory = list(measure_memory(plan, cache))
        note(f"{case.name}: data path")
        path = list(measure_data_path(plan, files, case.seconds, case.repeats))
        note(f"{case.name}: training loop")
        loops = list(_measure_loops(case, plan, files, precision))
    gc.collect()
    note(f"{case.name}: precisions")
    precisions = list(_measure_precisions(case, plan, device))
    described = {
        "model": config.model.backbone,
        "size": config.data.image_size,
        "short_side": config.data.short_side,
        "batch_size": config.training.batch_size,
        "precision": precision,
        "device": device.type,
        "workers": config.runtime.workers,
    }
    return CaseResults(described, _machine(device), [*path, *loops, *precisions, *memory])


def _prepare(case: Case) -> tuple[FoldPlan, str, torch.device]:
    """Plan the training; settle precision and loader processes for all that are compared."""
    plan = material.plan(case.config, case.data_dir)
    config = plan.config
    device = choose_device(config.runtime.device)
    model = build_model(config, pretrained=False)
    precision = choose_precision(config.training.precision, device, model)
    workers = loader_workers(config.runtime.workers, on_gpu=device.type != "cpu")
    config = config.model_copy(
        update={
            "training": config.training.model_copy(update={"precision": precision}),
            "runtime": config.runtime.model_copy(update={"workers": workers}),
        }
    )
    return replace(plan, experiment=replace(plan.experiment, config=config)), precision, device


def _measure_loops(case: Case, plan: FoldPlan, files: Path, precision: str) -> Iterator[Result]:
    """Train in turns: the bare loop, the project's, timm's recipe, and again."""
    bare = TrainingStep(plan, precision)
    recipe = TrainingStep(plan, precision, normalise=False)
    device = bare.device
    synthetic = synthetic_batches(plan, device)
    workers = plan.config.runtime.workers or 0
    # On a GPU the loaders need longer to come into step than the model.
    warmup = _WARMUP.get(device.type, 3) + (4 * workers if device.type != "cpu" else 0)
    steps = _steps(bare, plan, case.seconds)
    speeds: dict[str, list[float]] = {"bare": [], "ours": [], "recipe": []}
    for _ in range(case.repeats):
        speeds["bare"].append(bare.speed(synthetic, warmup, steps))
        speeds["ours"].append(trainer_speed(plan, warmup, steps))
        # As many more as its loader holds ready, so that it too is at work to the end.
        count = warmup + steps + 2 * workers + 1
        batches = recipe_batches(plan, files, count, workers, device)
        speeds["recipe"].append(recipe.speed(batches, warmup, steps))
        del batches
        gc.collect()
    least = Target(0.97 if device.type == "cpu" else 0.95, at_least=True)
    ours = Spread.of_ratios(speeds["ours"], speeds["bare"])
    yield _speed("training loop", "bare loop, synthetic tensors", speeds["bare"])
    yield _speed("training loop", "skin", speeds["ours"])
    yield Result("training loop", "skin over the bare loop", ours, "x", least)
    recipe_ratio = Spread.of_ratios(speeds["ours"], speeds["recipe"])
    yield _speed("timm's recipe", "timm's recipe", speeds["recipe"])
    yield Result("timm's recipe", "skin over timm's", recipe_ratio, "x", _AS_FAST_AS_RECIPE)


def _measure_precisions(case: Case, plan: FoldPlan, device: torch.device) -> Iterator[Result]:
    """Run the bare loop in each precision that the device has, in turns."""
    # Of a GPU without bf16 or a CPU without fp16 the trainer would say so; here it is left out.
    names = ["fp32"]
    if device.type != "cuda" or torch.cuda.is_bf16_supported():
        names.append("bf16")
    if device.type == "cuda":
        names.append("fp16")
    loops = {name: TrainingStep(plan, name) for name in names}
    batches = synthetic_batches(plan, device)
    seconds = case.seconds / 2
    steps = {name: _steps(loop, plan, seconds) for name, loop in loops.items()}
    speeds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(case.repeats):
        for name, loop in loops.items():
            speeds[name].append(loop.speed(batches, 1, steps[name]))
    auto = choose_precision("auto", device, loops["fp32"].model)
    for name in names:
        chosen = " (auto takes it)" if name == auto else ""
        yield _speed("precision", f"bare loop, {name}{chosen}", speeds[name])
    for name in names[1:]:
        spread = Spread.of_ratios(speeds[name], speeds["fp32"])
        yield Result("precision", f"{name} over fp32", spread, "x")


def _steps(loop: TrainingStep, plan: FoldPlan, seconds: float) -> int:
    """How many batches the loop trains in that time."""
    batches = synthetic_batches(plan, loop.device)
    speed = loop.speed(batches, warmup=2, steps=2)
    return max(_FEWEST_STEPS, round(seconds * speed / plan.config.training.batch_size))


def _speed(part: str, what: str, values: list[float]) -> Result:
    return Result(part, what, Spread.of(values), "img/s")


def _machine(device: torch.device) -> dict[str, Any]:
    installed = versions()
    software = {name: installed[name] for name in ("python", "torch", "timm")}
    return {"gpu": None, **hardware(device), **software}
