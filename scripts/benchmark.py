"""Measure the speed and the memory of `skin` on this machine; `scripts/benchmark` runs it."""  # noqa: INP001 - a script, in no package

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from skin.config import Config, load_config
from skin.console import err, note, out
from skin.errors import SkinError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmark_lib.results import CaseResults

_BASE = Path(__file__).parents[1] / "configs" / "base.yaml"


@dataclass(frozen=True)
class _Plan:
    """What is measured unless options say otherwise.

    Attributes:
        models: name, size and batch (none: the config's).
        lesions: of the synthetic images.
        width: of these, in pixels.
        short_side: of their cache.
        seconds: for each measurement, once.
        repeats: of each measurement.
    """

    models: tuple[tuple[str, int, int | None], ...]
    lesions: int = 42
    width: int = 600
    short_side: int = 256
    seconds: float = 6.0
    repeats: int = 3


_GPU = _Plan((("resnet50", 224, None),), seconds=10.0)
_CPU = _Plan((("resnet50", 224, 16), ("tf_efficientnet_lite0", 128, 32)))
_QUICK = _Plan(
    (("test_resnet", 32, 8),), lesions=21, width=80, short_side=48, seconds=0.1, repeats=2
)


def main(  # noqa: PLR0917 - its parameters are the options
    config: Annotated[Path, typer.Option("--config", "-c", help="The training's config.")] = _BASE,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="KEY=VALUE", help="Set any key of the config."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="A timm model instead of the usual.")] = None,
    size: Annotated[int | None, typer.Option(min=16, help="Pixels the model sees.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images a batch.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=0, help="Loader processes; by the cores if not given.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.01, help="For each measurement, once.")
    ] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Of each measurement.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Your datasets; synthetic images if not given.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Which of them.")] = None,
    quick: Annotated[bool, typer.Option(help="Tiny, to see that it works.")] = False,
    csv: Annotated[Path, typer.Option("--out", help="The CSV to write.")] = Path(
        "reports/benchmark.csv"
    ),
) -> None:
    """Measure data path, training loop, timm's recipe, precisions and memory on this machine.

    Let nothing else run meanwhile. Under 6 minutes on 2 cores.

    Examples:
      scripts/benchmark

      scripts/benchmark --model resnet18 --size 160 --batch-size 32 --precision fp32

      scripts/benchmark --data-dir data --dataset ham10000 --set data.short_side=256
    """
    from benchmark_lib.results import show, write_csv  # noqa: PLC0415 - torch is slow to import

    plan = _QUICK if quick else _usual(device)
    if dataset is not None and data_dir is None:
        raise SkinError("--dataset names one of --data-dir; give that, too")
    settings = [
        *(setting or []),
        *_settings(device, precision, workers, dataset or ("synthetic" if not data_dir else None)),
    ]
    models = _models(plan, model, size, batch_size)
    configs = [load_config(config, [*settings, *_model_settings(*chosen)]) for chosen in models]
    measured = _measure(configs, plan, data_dir, seconds or plan.seconds, repeats or plan.repeats)
    write_csv(csv, measured)
    for one in measured:
        show(out, one)
    _explain()
    note(f"wrote {csv}")


def _usual(device: str) -> _Plan:
    """What is measured on this device."""
    from skin.training.precision import choose_device  # noqa: PLC0415 - torch is slow to import

    return _CPU if choose_device(device).type == "cpu" else _GPU


def _models(
    plan: _Plan, model: str | None, size: int | None, batch_size: int | None
) -> list[tuple[str, int, int | None]]:
    """The plan's models, or the one that the options name."""
    if model is None and size is None:
        return [(name, side, batch_size or batch) for name, side, batch in plan.models]
    name, side, batch = plan.models[0]
    return [(model or name, size or side, batch_size or batch)]


def _settings(
    device: str, precision: str, workers: int | None, dataset: str | None
) -> Iterator[str]:
    """What the measured trainings share, as the command line's settings."""
    yield f"runtime.device={device}"
    yield f"training.precision={precision}"
    if workers is not None:
        yield f"runtime.workers={workers}"
    if dataset is not None:
        yield f"data.dataset={dataset}"
    # Neither what the weights are nor when a training ends is measured, but all of the model is.
    yield "model.pretrained=false"
    yield "model.weights=null"
    yield "training.freeze_epochs=0"
    yield "training.early_stopping=null"


def _model_settings(model: str, size: int, batch_size: int | None) -> Iterator[str]:
    """One model, as the command line's settings."""
    yield f"model.backbone={model}"
    yield f"data.image_size={size}"
    if batch_size is not None:
        yield f"training.batch_size={batch_size}"
        yield f"training.eval_batch_size={2 * batch_size}"


def _measure(
    configs: list[Config], plan: _Plan, data_dir: Path | None, seconds: float, repeats: int
) -> list[CaseResults]:
    """Measure the configs on the user's data, or on synthetic images made for this."""
    from benchmark_lib.case import Case, run_apart  # noqa: PLC0415 - torch is slow to import
    from benchmark_lib.material import write_dataset  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        data = data_dir or write_dataset(
            Path(scratch), lesions=plan.lesions, width=plan.width, short_side=plan.short_side
        )
        return [run_apart(Case(config, data, seconds, repeats)) for config in configs]


def _explain() -> None:
    """Say what stands behind the table's words."""
    from benchmark_lib import recipe, step  # noqa: PLC0415 - torch is slow to import

    out.print(
        f"Bare loop: {step.CONTENT}; on uint8 batches that lie on the device.\n"
        f"timm's recipe: {recipe.CONTENT}. Model, step, precision, batch and number of loader "
        "processes are those of the bare loop.\n"
        "Loops run in turns, without warm-up and validation; a ratio is the median of the ratios "
        "of neighbours in time. Memory: of all processes, shared pages counted once.",
        soft_wrap=True,
    )


if __name__ == "__main__":
    try:
        typer.run(main)
    except SkinError as error:
        err.print(f"[bold red]error:[/bold red] {escape(str(error))}", soft_wrap=True)
        sys.exit(2)
