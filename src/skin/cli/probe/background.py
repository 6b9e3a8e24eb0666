"""`skin probe background`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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

    from skin.analysis.probes.results import BackgroundResult


def background(
    names: Runs,
    masks: Annotated[
        Path,
        typer.Option(
            metavar="SOURCE",
            help="A folder or zip of lesion masks: <image_id>_segmentation.png, _mask.png "
            "or <image_id>.png, anywhere below; what is not black is the lesion.",
            show_default=False,
        ),
    ],
    fold: Fold = "all",
    images: Images = "1000",
    tta: Tta = "none",
    seed: Seed = 0,
    device: Device = "auto",
    data_dir: DataDir = DATA_DIR,
    runs_dir: RunsDir = RUNS_DIR,
    ensembles_dir: EnsemblesDir = ENSEMBLES_DIR,
) -> None:
    """Show models the lesion alone, and all but the lesion: does the background predict?

    On images that each fold's model never saw. Writes probes/background.json and .csv into the
    run's folder, which `skin report` shows.

    Examples:
      skin probe background resnet50 --masks HAM10000_segmentations_lesion_tschandl.zip

      skin probe background resnet50 resnet50_soft --masks masks/ --images all
    """
    from skin.analysis.probes.background import probe_background, require_masks
    from skin.analysis.probes.results import BACKGROUND
    from skin.analysis.probes.store import json_path
    from skin.analysis.probes.wording import background_warning
    from skin.console import note, out, warn
    from skin.data.masks import open_masks
    from skin.training.precision import choose_device
    from skin.views import Tta as Views

    place, views = choose_device(device), str(Views.parse(tta))
    known = open_masks(masks)
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
        require_masks(subject, known)
    for subject in subjects:
        with interruptible("begins this run anew"):
            result = probe_background(subject, known, place, tta=views)
        if result.left_out:
            note(
                f"{result.left_out:,} images are left out: their masks are empty or leave too "
                "little skin around the lesion"
            )
        out.print(_table(result))
        if warning := background_warning(result):
            warn(warning)
        out.print(str(json_path(subject.run.folder, BACKGROUND)), markup=False, soft_wrap=True)


def _table(result: BackgroundResult) -> Table:
    """The scores by condition."""
    from rich.markup import escape

    from skin.analysis.probes.hiding import CONDITIONS
    from skin.analysis.probes.results import CHANCE_AUC
    from skin.analysis.probes.wording import share_text
    from skin.analysis.text import DASH, number, short_span, terminal_table

    heads = [escape(result.origin.run), "BACC", "95 %", "skill kept", "mal. AUC", "95 %"]
    table = terminal_table(heads)
    for name, shown in result.conditions.items():
        area, kept = shown.malignant_auc, shown.kept
        table.add_row(
            CONDITIONS[name].title,
            number(shown.bacc.value),
            short_span(shown.bacc.interval),
            DASH if kept is None else share_text(kept.value),
            DASH if area is None else number(area.value),
            DASH if area is None else short_span(area.interval),
        )
    table.add_row("chance", number(result.chance), "", "", number(CHANCE_AUC), "")
    return table
