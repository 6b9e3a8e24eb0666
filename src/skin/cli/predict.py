"""`skin predict`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skin.cli.options import (
    ENSEMBLES_DIR,
    INTERRUPTED,
    RUNS_DIR,
    Device,
    EnsemblesDir,
    RunsDir,
)
from skin.console import note, out, progress, warn

if TYPE_CHECKING:
    from skin.inference.decisions import Decisions
    from skin.inference.outputs import Submission
    from skin.inference.predict import Predictor
    from skin.inference.shards import Shards


class Format(StrEnum):
    """What to make of the predictions."""

    CSV = "csv"
    JSON = "json"
    TABLE = "table"


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
        str | None,
        typer.Option(
            help="Views to average: none, or dihedral, crops, scales, logit by +; as out of fold "
            "if not given.",
            show_default=False,
        ),
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
    lesions: Annotated[
        Path | None,
        typer.Option(
            help="A CSV with the images' ids and lesion_id: the images of a lesion get their mean.",
            show_default=False,
        ),
    ] = None,
    cases: Annotated[
        Path | None,
        typer.Option(
            help="A CSV of decisions, how sure they are and which to refer; <out>_cases.csv if not "
            "given and the ensemble has conformal sets or a referral.",
            show_default=False,
        ),
    ] = None,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="Calibrated probabilities, without the decision rule and the referral that was "
            "fitted with it.",
        ),
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out files that are no whole image.")
    ] = False,
    device: Device = "auto",
    runs_dir: RunsDir = RUNS_DIR,
    ensembles_dir: EnsemblesDir = ENSEMBLES_DIR,
) -> None:
    """Predict images, and write a submission that the official scorer takes.

    A prediction that was stopped goes on from its last shard under the same command.

    Examples:
      skin predict ISIC2018_Task3_Test_Input.zip

      skin predict main test_images/ --out submissions/x.csv --challenge isic2018

      skin predict resnet50 lesion.jpg --format table

      skin predict metablock test_images/ --metadata patients.csv

      skin predict main test_images/ --lesions lesions.csv --cases cases.csv
    """
    from skin.cli.cases import show_json, show_tables
    from skin.ensembling.ensemble import PLAIN
    from skin.inference.decisions import Decisions, without_rule
    from skin.inference.inputs import find_images
    from skin.inference.lesions import lesions_of
    from skin.inference.metadata import metadata_for
    from skin.inference.models import split_arguments
    from skin.inference.outputs import plan_cases, plan_submission
    from skin.inference.predict import Predictor
    from skin.inference.shards import Shards
    from skin.taxonomy import get_task
    from skin.views import Tta

    views = None if tta is None else str(Tta.parse(tta))
    models, sources = split_arguments(arguments, runs_dir, ensembles_dir, tta=views)
    ensemble = models.ensemble
    submission = None
    if form is Format.CSV:
        target = path or Path("submissions") / f"{models.folder.name}.csv"
        submission = plan_submission(target, challenge, ensemble.task, official_list=official_list)
    pipeline = without_rule(ensemble.pipeline) if plain else ensemble.pipeline
    cases = plan_cases(cases, submission, pipeline)
    inputs = find_images(sources)
    groups = None if lesions is None else lesions_of(inputs, lesions)
    predictor = Predictor(ensemble, models.folder, device=device, tta=views)
    note(f"{len(inputs):,} images, {predictor.models} models, TTA {predictor.tta}")
    if predictor.tta != ensemble.tta and ensemble.made != PLAIN:
        warn(f"calibration and decision were fitted with TTA {ensemble.tta}, and may be off")
    known = metadata_for(inputs, metadata, used=predictor.uses_metadata)
    try:
        with _folder(submission) as folder:
            shards = Shards(folder, predictor.key(), inputs, known)
            _predict(predictor, shards, skip_bad=skip_bad)
            decisions = Decisions(
                shards, get_task(ensemble.task), pipeline, groups, ensemble.unknown
            )
            if cases:
                _write_cases(cases, decisions)
            if submission:
                _submit(submission, decisions, "argmax" if plain else ensemble.made.rule)
            else:
                show_json(decisions) if form is Format.JSON else show_tables(decisions)
    except KeyboardInterrupt:
        note("stopped; the same command goes on" if submission else "stopped")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _folder(submission: Submission | None) -> Iterator[Path]:
    """Hold the folder of the shards: beside a submission, to go on from; else a passing one."""
    import tempfile

    from skin.inference.shards import working_folder

    if submission:
        with working_folder(submission.parts) as folder:
            yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="skin-") as name:
            yield Path(name)


def _predict(predictor: Predictor, shards: Shards, *, skip_bad: bool) -> None:
    """Predict what is missing, under a bar that begins at what is done."""
    from skin.inference.stream import predict_files

    done, total = shards.images_done, len(shards.inputs)
    if done:
        note(f"going on: {done:,} of {total:,} images are predicted already")
    with progress() as bar:
        task = bar.add_task("predicting", total=total, completed=done)
        predict_files(predictor, shards, skip_bad=skip_bad, on_batch=lambda n: bar.advance(task, n))
    for message in shards.bad():
        warn(f"left out: {message}")


def _submit(submission: Submission, decisions: Decisions, rule: str) -> None:
    """Write the submission, and say which decision its rows carry."""
    from skin.errors import name_some
    from skin.inference.submit import submit, takes_decisions

    challenge = submission.challenge
    missing = submit(submission.path, decisions, challenge, official_list=submission.official_list)
    if missing:
        warn(
            f"{name_some(missing)}: not among the images; given the mean of the other rows, "
            f"as {challenge.name} wants a row for each"
        )
    if not takes_decisions(challenge):
        note(f"the rows are probabilities, without a decision rule: {challenge.name} ranks by them")
    elif rule == "argmax":
        note("the rows are probabilities, without a decision rule")
    else:
        note(f"the rows carry the decision rule '{rule}'; --plain leaves it out")
    out.print(str(submission.path), soft_wrap=True, markup=False)


def _write_cases(path: Path, decisions: Decisions) -> None:
    """Write the cases, and say how many are to be referred."""
    from skin.inference.cases import write_cases

    written = write_cases(path, decisions)
    if decisions.pipeline.referral is not None:
        note(f"{written.referred:,} of {written.images:,} cases are to be referred")
    note(f"cases: {path}")
