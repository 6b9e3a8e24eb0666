"""An ensemble's folder: which models it is made of, and how their predictions become a decision."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from skin.ensembling.pipeline import Pipeline
from skin.ensembling.unknown import Unknown
from skin.ensembling.unknown.choose import fit_unknown
from skin.ensembling.unknown.gather import gather_outliers
from skin.errors import SkinError
from skin.files import read_json, replacing, sha256_bytes, sha256_file, write_json
from skin.models.outliers import MAHALANOBIS
from skin.runs import FoldRun, Run
from skin.training.outliers import FEATURES

DESCRIPTION = "ensemble.json"
CONFIG = "config.yaml"  # of a fold
_MEMBERS = "members"  # where a bundled ensemble keeps its models
_NEEDED = (CONFIG, "metadata.json", "best.safetensors")  # of a fold, to predict


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Member(_Strict):
    """One fold's model.

    Attributes:
        folder: of the fold, relative to the ensemble's folder.
        fold: its number.
        sha256: of its weights file.
        config_sha256: of its config, which says how images are prepared.
        features_sha256: of the statistics of its features; none where they are not needed.
    """

    folder: Path
    fold: int
    sha256: str
    config_sha256: str
    features_sha256: str | None = None


class RunMembers(_Strict):
    """One run's models; their probabilities are averaged."""

    name: str
    folds: tuple[Member, ...]


class Made(_Strict):
    """How the pipeline was chosen, by name.

    Attributes:
        method: the way to combine, as `mean`.
        calibration: as `vector`.
        rule: as `prior`.
    """

    method: str
    calibration: str
    rule: str


PLAIN = Made(method="mean", calibration="none", rule="argmax")


class Ensemble(_Strict):
    """What `skin predict` needs to know of an ensemble.

    Attributes:
        task: what it predicts.
        classes: the codes, in the order of every probability.
        runs: its models.
        made: how the pipeline was chosen.
        pipeline: how the runs' predictions become a decision; it lies in a file of its own, whose
            hash the description holds.
        tta: the views that the out-of-fold figures were made with, and predictions are to be.
        leaking: whether a member was trained on lesions that it was judged on.
        chosen_on_held_out: whether a member's checkpoint was chosen by the images that it was
            judged on.
        parameters: of all models together.
        seconds: that their trainings took together.
        unknown: which images it takes for none of the classes; none if it does not tell.
    """

    task: str
    classes: tuple[str, ...]
    runs: tuple[RunMembers, ...]
    made: Made
    pipeline: Pipeline
    tta: str
    leaking: bool
    chosen_on_held_out: bool
    parameters: int
    seconds: float
    unknown: Unknown | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Ensemble:
        self.pipeline.check(len(self.runs), len(self.classes))
        if self.unknown is not None:
            self.unknown.check([len(run.folds) for run in self.runs])
        return self

    def save(self, folder: Path) -> None:
        """Write the description into `folder`, and the pipeline beside it.

        The pipeline's file is named after its content, so that a kill between the two leaves an
        older description with its own pipeline.
        """
        content = self.pipeline.model_dump_json().encode()
        path = folder / f"pipeline-{sha256_bytes(content)[:12]}.json"
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        tree = self.model_dump(mode="json", exclude={"pipeline"})
        tree["pipeline"] = {"file": path.name, "sha256": sha256_bytes(content)}
        write_json(folder / DESCRIPTION, tree)
        for other in folder.glob("pipeline-*.json"):
            if other != path:
                other.unlink()


def describe(
    runs: Sequence[Run],
    folder: Path,
    *,
    pipeline: Pipeline,
    made: Made,
    tta: str,
    unknown: Unknown | None = None,
) -> Ensemble:
    """Describe an ensemble of all finished folds of `runs`, to lie in `folder`.

    Args:
        runs: of one task.
        folder: the ensemble's.
        pipeline: how the runs' predictions become a decision.
        made: how it was chosen.
        tta: the views to predict with.
        unknown: which images are none of the classes, where that is to be told.
    """
    with_features = unknown is not None and unknown.score == MAHALANOBIS
    everything = [fold.metadata() for run in runs for fold in run.finished_folds()]
    first = everything[0]
    return Ensemble(
        task=first["task"],
        classes=tuple(first["classes"]),
        runs=tuple(
            RunMembers(
                name=run.name,
                folds=tuple(
                    _member(fold, folder, with_features=with_features)
                    for fold in run.finished_folds()
                ),
            )
            for run in runs
        ),
        made=made,
        pipeline=pipeline,
        tta=tta,
        leaking=any(metadata["leaking"] for metadata in everything),
        chosen_on_held_out=any(metadata["chosen_on_held_out"] for metadata in everything),
        parameters=sum(metadata["parameters"] for metadata in everything),
        seconds=sum(metadata["seconds"] for metadata in everything),
        unknown=unknown,
    )


def shared_tta(runs: Sequence[Run]) -> str:
    """The views that all finished folds were evaluated with.

    Raises:
        SkinError: they were evaluated with different ones.
    """
    views = {
        run.name: list(dict.fromkeys(fold.metadata()["tta"] for fold in run.finished_folds()))
        for run in runs
    }
    if len({tta for each in views.values() for tta in each}) > 1:
        listed = ", ".join(f"{name}: {' and '.join(each)}" for name, each in views.items())
        raise SkinError(
            f"the runs' out-of-fold predictions are of different test-time augmentation ({listed})"
            "; give one with --tta, as --tta dihedral"
        )
    return str(next(iter(views.values()))[0])


def from_run(run: Run, tta: str | None = None) -> Ensemble:
    """Describe the mean of one run's finished folds, as lying in the run's folder.

    Where the task has a column of unknown lesions, the outlier score is chosen and its threshold
    fitted as an ensemble's by default.

    Args:
        run: the run.
        tta: the views to predict with; none takes those that all folds were evaluated with.

    Raises:
        SkinError: no fold is finished, they have no views in common and none are given, or outlier
            files are missing.
    """
    if not run.finished_folds():
        raise SkinError(f"{run.folder} has no finished fold; see `skin train`")
    views = tta or shared_tta([run])
    unknown = fit_unknown(gather_outliers([run])) if run.task.unknown else None
    return describe(
        [run], run.folder, pipeline=Pipeline.plain(), made=PLAIN, tta=views, unknown=unknown
    )


def bundle(runs: Sequence[Run], folder: Path, *, unknown: Unknown | None = None) -> list[Run]:
    """Copy what predicting needs of the runs' finished folds into the ensemble's folder.

    Args:
        runs: of the ensemble.
        folder: the ensemble's.
        unknown: as `describe` takes it.

    Returns:
        The copies, as runs, for `describe`: the folder can then be moved anywhere.
    """
    needed = list(_NEEDED)
    if unknown is not None and unknown.score == MAHALANOBIS:
        needed.append(FEATURES)
    copies = []
    for run in runs:
        copy = Run(folder / _MEMBERS / run.name)
        for fold in run.finished_folds():
            for name in needed:
                with replacing(copy.fold(fold.fold).folder / name) as temporary:
                    shutil.copyfile(fold.folder / name, temporary)
        copies.append(copy)
    return copies


def remove_bundle(folder: Path) -> None:
    """Remove what `bundle` copied into the ensemble's folder before."""
    if (folder / _MEMBERS).exists():
        shutil.rmtree(folder / _MEMBERS)


def load_ensemble(folder: Path) -> Ensemble:
    """Read an ensemble's description and its pipeline.

    Raises:
        SkinError: a file is missing or damaged, or the pipeline is not the one described.
    """
    path = folder / DESCRIPTION
    tree = read_json(path)
    again = "make the ensemble again with `skin ensemble`"
    try:
        reference = tree["pipeline"]
        pipeline = folder / Path(reference["file"]).name
        expected = reference["sha256"]
    except (KeyError, TypeError):
        raise SkinError(f"{path} does not name its pipeline; {again}") from None
    if not pipeline.is_file():
        raise SkinError(f"{pipeline} is missing; {again}")
    if sha256_file(pipeline) != expected:
        raise SkinError(f"{pipeline} is not the file that {path} was written with; {again}")
    try:
        return Ensemble.model_validate({**tree, "pipeline": read_json(pipeline)})
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(str(part) for part in detail["loc"])
        raise SkinError(f"{path}: '{where}': {detail['msg']}; {again}") from None


def locate_ensemble(name: str, ensembles_dir: Path) -> Path | None:
    """Give the folder of the ensemble of that name or path, if there is one."""
    for folder in (Path(name), ensembles_dir / name):
        if (folder / DESCRIPTION).exists():
            return folder
    return None


def all_ensembles(ensembles_dir: Path) -> list[Path]:
    """The ensembles in a folder, the newest first."""
    found = [path.parent for path in ensembles_dir.glob(f"*/{DESCRIPTION}")]
    return sorted(found, key=lambda folder: -(folder / DESCRIPTION).stat().st_mtime_ns)


def _member(fold: FoldRun, folder: Path, *, with_features: bool) -> Member:
    relative = Path(os.path.relpath(fold.folder.resolve(), folder.resolve()))
    return Member(
        folder=relative,
        fold=fold.fold,
        sha256=sha256_file(fold.weights),
        config_sha256=sha256_file(fold.folder / CONFIG),
        features_sha256=sha256_file(fold.folder / FEATURES) if with_features else None,
    )
