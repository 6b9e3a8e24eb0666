"""An ensemble's folder: which models it is made of, and how to load them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from skin.config import Config
from skin.ensembling.combine import Combiner, Mean
from skin.errors import SkinError
from skin.files import read_json, sha256_file, write_json
from skin.models.build import LesionClassifier, build_model
from skin.runs import FoldRun, Run
from skin.training.checkpoint import load_weights

DESCRIPTION = "ensemble.json"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Member(_Strict):
    """One fold's model.

    Attributes:
        folder: of the fold, relative to the ensemble's folder.
        fold: its number.
        sha256: of its weights file.
    """

    folder: Path
    fold: int
    sha256: str


class RunMembers(_Strict):
    """One run's models; their probabilities are averaged."""

    name: str
    folds: tuple[Member, ...]


class Ensemble(_Strict):
    """What `skin predict` needs to know of an ensemble.

    Attributes:
        task: what it predicts.
        classes: the codes, in the order of every probability.
        runs: its models.
        combiner: how the runs' predictions become one.
        tta: the views that the out-of-fold figures were made with, and predictions are to be.
        leaking: whether a member was trained on lesions that it was judged on.
        chosen_on_held_out: whether a member's checkpoint was chosen by the images that it was
            judged on.
        parameters: of all models together.
        seconds: that their trainings took together.
    """

    task: str
    classes: tuple[str, ...]
    runs: tuple[RunMembers, ...]
    combiner: Combiner
    tta: Literal["none", "dihedral"]
    leaking: bool
    chosen_on_held_out: bool
    parameters: int
    seconds: float

    @model_validator(mode="after")
    def _is_whole(self) -> Ensemble:
        if len(self.combiner.weights) != len(self.runs):
            raise ValueError(f"{len(self.combiner.weights)} weights for {len(self.runs)} runs")
        return self

    def save(self, folder: Path) -> None:
        """Write `ensemble.json` into `folder`."""
        write_json(folder / DESCRIPTION, self.model_dump(mode="json"))


def describe(runs: list[Run], combiner: Combiner, folder: Path) -> Ensemble:
    """Describe an ensemble of all finished folds of `runs`, to lie in `folder`.

    Raises:
        SkinError: the runs were evaluated with different views.
    """
    known = {run.name: [fold.metadata() for fold in run.finished_folds()] for run in runs}
    everything = [metadata for folds in known.values() for metadata in folds]
    first = everything[0]
    if len({metadata["tta"] for metadata in everything}) > 1:
        listed = ", ".join(f"{name}: {folds[0]['tta']}" for name, folds in known.items())
        raise SkinError(f"the runs' out-of-fold predictions are of different TTA ({listed})")
    return Ensemble(
        task=first["task"],
        classes=tuple(first["classes"]),
        runs=tuple(
            RunMembers(
                name=run.name,
                folds=tuple(_member(fold, folder) for fold in run.finished_folds()),
            )
            for run in runs
        ),
        combiner=combiner,
        tta=first["tta"],
        leaking=any(metadata["leaking"] for metadata in everything),
        chosen_on_held_out=any(metadata["chosen_on_held_out"] for metadata in everything),
        parameters=sum(metadata["parameters"] for metadata in everything),
        seconds=sum(metadata["seconds"] for metadata in everything),
    )


def load_ensemble(folder: Path) -> Ensemble:
    """Read an ensemble's description.

    Raises:
        SkinError: it is missing or damaged.
    """
    path = folder / DESCRIPTION
    try:
        return Ensemble.model_validate(read_json(path))
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(str(part) for part in detail["loc"])
        raise SkinError(f"{path}: '{where}': {detail['msg']}; make the ensemble again") from None


def from_run(run: Run) -> Ensemble:
    """Describe the mean of one run's finished folds, as lying in the run's folder.

    Raises:
        SkinError: no fold is finished.
    """
    if not run.finished_folds():
        raise SkinError(f"{run.folder} has no finished fold; see `skin train`")
    return describe([run], Mean.equal(1), run.folder)


@dataclass(frozen=True)
class LoadedMember:
    """One model, ready to predict.

    Attributes:
        network: in evaluation mode, on the device.
        config: that it was trained with.
        precision: that it was trained in.
    """

    network: LesionClassifier
    config: Config
    precision: str


def load_member(member: Member, folder: Path, device: torch.device) -> LoadedMember:
    """Load one model of the ensemble in `folder`.

    Raises:
        SkinError: its files are missing, or its weights are not those that were described.
    """
    fold = FoldRun((folder / member.folder).resolve())
    if not fold.weights.exists():
        raise SkinError(f"{fold.weights} is missing; the ensemble {folder} needs it")
    if sha256_file(fold.weights) != member.sha256:
        raise SkinError(
            f"{fold.weights} is not the file that {folder} was made with; make the ensemble again"
        )
    config = fold.config()
    model = build_model(config, pretrained=False)
    load_weights(fold.weights, model)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return LoadedMember(model.eval(), config, fold.metadata()["precision"])


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


def _member(fold: FoldRun, folder: Path) -> Member:
    relative = Path(os.path.relpath(fold.folder.resolve(), folder.resolve()))
    return Member(folder=relative, fold=fold.fold, sha256=sha256_file(fold.weights))
