"""`skin probe robustness`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skin.cli.options import (
    DATA_DIR,
    ENSEMBLES_DIR,
    RUNS_DIR,
    DataDir,
    Device,
    EnsemblesDir,
    RunsDir,
)
from skin.cli.probe.options import Fold, Images, Runs, Seed, Tta, interruptible, subjects_of

if TYPE_CHECKING:
    from rich.table import Table

    from skin.analysis.probes.results import Damage, RobustnessResult


def robustness(
    names: Runs,
    fold: Fold = "all",
    images: Images = "1000",
    tta: Tta = "none",
    seed: Seed = 0,
    device: Device = "auto",
    data_dir: DataDir = DATA_DIR,
    runs_dir: RunsDir = RUNS_DIR,
    ensembles_dir: EnsemblesDir = ENSEMBLES_DIR,
) -> None:
    """Measure how far BACC falls on corrupted images: blur, noise, light, JPEG, hair, zoom.

    Ten corruptions of five severities, on images that each fold's model never saw. Writes
    probes/robustness.json and .csv into the run's folder, which `skin report` shows. A probe that
    was stopped goes on under the same command.

    Examples:
      skin probe robustness resnet50

      skin probe robustness resnet50 resnet50_se --images 300

      skin probe robustness resnet50 --fold 0 --images all --device cuda
    """
    from skin.analysis.probes.results import ROBUSTNESS
    from skin.analysis.probes.robustness import probe_robustness
    from skin.analysis.probes.store import json_path
    from skin.console import out
    from skin.training.precision import choose_device
    from skin.views import Tta as Views

    place, views = choose_device(device), str(Views.parse(tta))
    subjects = subjects_of(
        names,
        fold,
        seed,
        images=images,
        data_dir=data_dir,
        runs_dir=runs_dir,
        ensembles_dir=ensembles_dir,
    )
    for subject in subjects:
        with interruptible("goes on from the last corruption"):
            result = probe_robustness(subject, place, tta=views)
        out.print(_table(result))
        out.print(str(json_path(subject.run.folder, ROBUSTNESS)), markup=False, soft_wrap=True)


def _table(result: RobustnessResult) -> Table:
    """BACC by corruption and severity."""
    from rich.markup import escape

    from skin.analysis.probes.severities import CORRUPTIONS, SEVERITIES
    from skin.analysis.text import number, short_span, terminal_table

    heads = [escape(result.origin.run), *map(str, SEVERITIES), "change", "95 %"]
    table = terminal_table(heads)
    clean = result.clean
    table.add_row("clean", number(clean.value), *[""] * 5, short_span(clean.interval))
    for name, corruption in CORRUPTIONS.items():
        baccs = [number(damage.bacc.value) for damage in result.severities[name]]
        table.add_row(corruption.title, *baccs, *_change(result.by_corruption[name]))
    by_severity = ["" for _ in SEVERITIES]
    table.add_row("mean of all", *by_severity, *_change(result.overall))
    return table


def _change(damage: Damage) -> tuple[str, str]:
    from skin.analysis.text import signed, signed_span

    return signed(damage.difference.value), signed_span(damage.difference.interval)
