"""`skin predict`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skin.cli.options import ENSEMBLES_DIR, RUNS_DIR, EnsemblesDir, RunsDir
from skin.console import note, out, progress, warn

if TYPE_CHECKING:
    from skin.inference.predict import Predictions
    from skin.taxonomy import Task


class Format(StrEnum):
    """What to make of the predictions."""

    CSV = "csv"
    JSON = "json"
    TABLE = "table"


class Tta(StrEnum):
    """Test-time augmentation."""

    NONE = "none"
    DIHEDRAL = "dihedral"


def predict(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[ENSEMBLE|RUN] IMAGES...",
            help="Which models (the newest ensemble, or the only run, if left out); then folders, "
            "zips, CSVs or images.",
            show_default=False,
        ),
    ],
    path: Annotated[
        Path | None,
        typer.Option("--out", help="The CSV to write; submissions/<models>.csv if not given."),
    ] = None,
    challenge: Annotated[
        str | None,
        typer.Option(help="The submission's format; that of the models' task if not given."),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="A submission, or classes spelled out to read.")
    ] = Format.CSV,
    tta: Annotated[
        Tta | None,
        typer.Option(help="Average over 8 rotations and reflections; as out of fold if not given."),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            help="A CSV with the images' ids and any of age, sex and site, for models that take "
            "them."
        ),
    ] = None,
    official_list: Annotated[
        bool | None,
        typer.Option(
            help="Give the challenge's missing test images a row; if most of them are there, "
            "when neither is said."
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out files that are no whole image.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    runs_dir: RunsDir = RUNS_DIR,
    ensembles_dir: EnsemblesDir = ENSEMBLES_DIR,
) -> None:
    """Predict images, and write a submission that the official scorer takes.

    Examples:
      skin predict ISIC2018_Task3_Test_Input.zip

      skin predict main test_images/ --out submissions/x.csv --challenge isic2018

      skin predict resnet50 lesion.jpg --format table

      skin predict metablock test_images/ --metadata patients.csv
    """
    from skin.errors import name_some
    from skin.files import require_writable
    from skin.inference.inputs import find_images
    from skin.inference.metadata import metadata_for
    from skin.inference.models import split_arguments
    from skin.inference.predict import Predictor, predict_files
    from skin.inference.submit import submit
    from skin.taxonomy import challenge_of, get_challenge, get_task

    models, sources = split_arguments(arguments, runs_dir, ensembles_dir)
    chosen = get_challenge(challenge) if challenge else None
    target = path or Path("submissions") / f"{models.folder.name}.csv"
    if form is Format.CSV:  # before the long work, not after it
        chosen = chosen or challenge_of(models.ensemble.task)
        require_writable(target.parent)
    inputs = find_images(sources)
    predictor = Predictor(models.ensemble, models.folder, device=device, tta=tta)
    note(f"{len(inputs)} images, {predictor.models} models, TTA {predictor.tta}")
    known = metadata_for(inputs, metadata, used=predictor.uses_metadata)
    with progress() as bar:
        task = bar.add_task("predicting", total=len(inputs))
        predictions = predict_files(
            predictor, inputs, known, skip_bad=skip_bad, on_batch=lambda n: bar.advance(task, n)
        )
    for error in predictions.bad:
        warn(f"left out: {error}")
    if chosen and form is Format.CSV:
        missing = submit(target, predictions, chosen, official_list=official_list)
        if missing:
            warn(
                f"{name_some(missing)}: not among the images; given the mean of the other rows, "
                f"as {chosen.name} wants a row for each"
            )
        out.print(str(target), soft_wrap=True, markup=False)
    else:
        _show(predictions, get_task(models.ensemble.task), form)


def _show(predictions: Predictions, task: Task, form: Format) -> None:
    """Print each image's classes, the likeliest first."""
    import json

    from skin.cli.classes import class_table

    pairs = zip(predictions.image_ids, predictions.probabilities.tolist(), strict=True)
    if form is Format.TABLE:
        for image_id, values in pairs:
            out.print(class_table(image_id, task, values))
        return
    listed = []
    for image_id, values in pairs:
        classes = sorted(zip(task.classes, values, strict=True), key=lambda each: -each[1])
        listed.append(
            {
                "image": image_id,
                "diagnosis": classes[0][0].name,
                "malignant_probability": sum(p for c, p in classes if c.malignant),
                "classes": [
                    {"code": c.code, "name": c.name, "malignant": c.malignant, "probability": p}
                    for c, p in classes
                ],
            }
        )
    out.print_json(json.dumps(listed))
