"""`skin probe heatmaps`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
from skin.cli.probe.options import Fold, Runs, Seed, interruptible, subjects_of


def heatmaps(
    names: Runs,
    masks: Annotated[
        Path,
        typer.Option(
            help="The lesions' masks: a folder or a zip with <image_id>_segmentation.png files.",
            show_default=False,
        ),
    ],
    fold: Fold = "all",
    images: Annotated[
        int, typer.Option(min=2, help="How many held-out images, each of another lesion.")
    ] = 500,
    traced: Annotated[
        int,
        typer.Option(
            min=0, help="How many of these for deletion, insertion and random weights, which cost."
        ),
    ] = 100,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            help="gradcam, gradcam++, hirescam, layercam or eigencam, once or several times. "
            "A model's own attention is always measured.  [default: gradcam]",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    data_dir: DataDir = DATA_DIR,
    runs_dir: RunsDir = RUNS_DIR,
    ensembles_dir: EnsemblesDir = ENSEMBLES_DIR,
) -> None:
    """Measure whether heatmaps show the lesion, and whether the model's answer hangs on them.

    Each image is shown to the model that never saw its lesion. A map is held against the lesion's
    mask (the share of its energy inside, whether its maximum is, IoU), and against other lesions'
    masks, chance and a Gaussian in the middle; deletion and insertion tell what the answer hangs
    on, and random weights whether the map shows the model at all. Runs of one dataset and its folds
    get the same images.

    Writes probes/heatmaps.json and .csv into the run's folder, which `skin report` shows.

    Examples:
      skin probe heatmaps resnet50 resnet50_cbam --masks HAM10000_segmentations_lesion_tschandl.zip

      skin probe heatmaps resnet50 --masks source --method gradcam --method hirescam --images 2000
    """
    from skin.analysis.heatmaps import METHODS
    from skin.analysis.localisation.probe import probe_heatmaps
    from skin.analysis.localisation.results import NAME
    from skin.analysis.localisation.settings import Settings
    from skin.analysis.localisation.table import rich_table
    from skin.analysis.probes.store import json_path
    from skin.console import out
    from skin.data.masks import open_masks
    from skin.errors import SkinError, did_you_mean
    from skin.training.precision import choose_device

    chosen = tuple(dict.fromkeys(methods or ["gradcam"]))
    for method in chosen:
        if method not in METHODS:
            raise SkinError(f"--method {method}: {did_you_mean(method, METHODS)}")
    place, lesions = choose_device(device), open_masks(masks)
    subjects = subjects_of(
        names, fold, seed, data_dir=data_dir, runs_dir=runs_dir, ensembles_dir=ensembles_dir
    )
    settings = Settings(images=images, traced=traced, methods=chosen)
    for subject in subjects:
        with interruptible("begins this run anew"):
            probed = probe_heatmaps(subject, lesions, settings, place)
        out.print(rich_table(probed.result))
        out.print(str(json_path(subject.run.folder, NAME)), markup=False, soft_wrap=True)
