"""`skin explain`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from skin.cli.options import ENSEMBLES_DIR, RUNS_DIR, Device, EnsemblesDir, RunsDir


class Method(StrEnum):
    """Which heatmaps."""

    GRADCAM = "gradcam"
    ATTENTION = "attention"
    ALL = "all"


def explain(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN|ENSEMBLE] IMAGES...",
            help="Which model (of the newest ensemble, or the only run, if left out); then "
            "folders, zips, CSVs or images.",
            show_default=False,
        ),
    ],
    folder: Annotated[Path, typer.Option("--out", help="The folder to write the heatmaps into.")],
    method: Annotated[
        Method,
        typer.Option(help="Grad-CAM, the model's own attention, or all that there is."),
    ] = Method.ALL,
    target: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="CODE",
            help="The class that Grad-CAM is for, as MEL; the likeliest if not given.",
            show_default=False,
        ),
    ] = None,
    fold: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The fold whose model explains; the first finished one if not given.",
            show_default=False,
        ),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            help="A CSV with the images' ids and any of age, sex and site, for a model that takes "
            "them.",
            show_default=False,
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out files that are no whole image.")
    ] = False,
    device: Device = "auto",
    runs_dir: RunsDir = RUNS_DIR,
    ensembles_dir: EnsemblesDir = ENSEMBLES_DIR,
) -> None:
    """Predict images with one model, and show where it looks.

    For each image and method (gradcam, attention, or attention1, attention2, ... for the levels
    of a tree), writes the map as <image>_<method>_raw.npy, _raw.png and _raw_color.png, and over
    what the model saw of the image as _overlay.png.

    Examples:
      skin explain lesion.jpg --out heatmaps

      skin explain resnet50_soft lesion.jpg --out heatmaps --method attention

      skin explain resnet50 images/ --out heatmaps --class MEL --fold 2
    """
    from skin.analysis.explain import choose_model, load_explainer
    from skin.cli.classes import class_table
    from skin.console import note, out, warn
    from skin.files import require_writable
    from skin.inference.inputs import find_images
    from skin.inference.metadata import metadata_for
    from skin.inference.models import split_arguments

    models, sources = split_arguments(arguments, runs_dir, ensembles_dir, tta="none")
    require_writable(folder)
    inputs = find_images(sources)
    chosen = choose_model(models, fold)
    explainer = load_explainer(models, chosen, method=method.value, target=target, device=device)
    note(f"{len(inputs)} images, one model: {chosen.run}, fold {chosen.member.fold}, without TTA")
    known = metadata_for(inputs, metadata, used=explainer.uses_metadata)
    for one in explainer.explain(inputs, folder, known, skip_bad=skip_bad):
        out.print(class_table(one.image_id, explainer.task, one.probabilities.tolist()))
        if "gradcam" in one.empty:
            warn(f"{one.image_id}: the Grad-CAM map is zero, as no place speaks for {one.target}")
    out.print(str(folder), markup=False, soft_wrap=True)
