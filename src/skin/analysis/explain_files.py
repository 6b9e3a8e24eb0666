"""Explaining image files with one model of a run or an ensemble."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from skin.analysis.blocks import Strip, Tone
from skin.analysis.contact_sheet import ContactSheets
from skin.analysis.explain import BATCH, Explained, Explainer, choose_methods, write_maps
from skin.analysis.isic_truth import infer_challenge, read_truth
from skin.analysis.photos import image_photo, overlay_photos, say_verdict
from skin.console import warn
from skin.ensembling.combine import Blend
from skin.ensembling.ensemble import Member
from skin.ensembling.load import load_member
from skin.errors import SkinError, did_you_mean, name_some
from skin.inference.inputs import InputImage
from skin.inference.models import Models
from skin.inference.predict import FileImages, Preparation
from skin.taxonomy import Task, get_task
from skin.training.precision import choose_device

_SHOWN = 3  # classes under a photograph
_SIDE = 224  # of a photograph, in pixels


class Chosen(NamedTuple):
    """The one model of an ensemble that explains."""

    member: Member
    run: str


def choose_model(models: Models, fold: int | None) -> Chosen:
    """Take one model: of the run that weighs most, the first where none does; then of the fold.

    Args:
        models: an ensemble or a run.
        fold: its number; none takes the first that is finished.

    Raises:
        SkinError: the run has no such finished fold.
    """
    ensemble = models.ensemble
    combiner = ensemble.pipeline.combiner
    run = ensemble.runs[int(np.argmax(combiner.weights)) if isinstance(combiner, Blend) else 0]
    if fold is None:
        return Chosen(run.folds[0], run.name)
    for member in run.folds:
        if member.fold == fold:
            return Chosen(member, run.name)
    there = name_some(member.fold for member in run.folds)
    raise SkinError(f"--fold {fold}: {run.name} has no such finished fold; it has {there}")


@dataclass(frozen=True, eq=False)
class FileExplainer:
    """One loaded model, how it wants its images, and what is asked of it.

    Attributes:
        explainer: the model.
        preparation: from a file to what it sees.
        uses_metadata: whether the model takes age, sex and site.
        target: the code of the class that the maps are for; none for the likeliest of each image.
    """

    explainer: Explainer
    preparation: Preparation
    uses_metadata: bool
    target: str | None

    @property
    def task(self) -> Task:
        """What the model predicts."""
        return self.explainer.task

    def explain(
        self,
        inputs: Sequence[InputImage],
        metadata: NDArray[np.float32] | None,
        *,
        skip_bad: bool = False,
    ) -> Iterator[Explained]:
        """Explain files a batch at a time, so that memory does not grow with their number.

        Args:
            inputs: the files.
            metadata: (N, M), a row for each file; none if nothing is known.
            skip_bad: warn of files that are no whole image and leave them out.

        Raises:
            SkinError: a file is no whole image, or the model cannot give what is asked for.
        """
        files = FileImages(inputs, {"model": self.preparation})
        for start in range(0, len(inputs), BATCH):
            batch = files.__getitems__(range(start, min(start + BATCH, len(inputs))))
            if batch.bad and not skip_bad:
                raise batch.bad[0]
            for error in batch.bad:
                warn(f"left out: {error}")
            if not batch.image_ids:
                continue
            known = None
            if metadata is not None and self.uses_metadata:
                known = torch.from_numpy(metadata[batch.rows])
            among = None
            if self.target is not None:
                asked = np.array(self.task.codes) == self.target
                among = np.tile(asked, (len(batch.image_ids), 1))
            images = batch.images["model"]
            yield from self.explainer.explain(batch.image_ids, images, known, among)


def load_explainer(
    models: Models, chosen: Chosen, *, methods: Sequence[str], target: str | None, device: str
) -> FileExplainer:
    """Load the chosen model.

    Args:
        models: that it is one of.
        chosen: the model.
        methods: of `METHODS`, `attention` and `all`.
        target: the code of the class that the maps are for; none for the likeliest of each image.
        device: auto, cpu, cuda or cuda:1.

    Raises:
        SkinError: the class is unknown, a file is missing or changed, the device is not there, or
            the model has no attention and it is asked for.
    """
    task = get_task(models.ensemble.task)
    if target is not None and target not in task.codes:
        raise SkinError(
            f"--class {target}: {task.name} has no such class: {did_you_mean(target, task.codes)}"
        )
    place = choose_device(device)
    loaded = load_member(chosen.member, models.folder, place, classes=models.ensemble.classes)
    possible = choose_methods(methods, loaded.network, chosen.run)
    explainer = Explainer(loaded.network, task, possible, place)
    preparation = Preparation.of(loaded.config)
    return FileExplainer(explainer, preparation, loaded.config.model.metadata.used, target)


def read_classes(path: Path, task: Task) -> Mapping[str, str]:
    """Read the true class of each image from a challenge's truth table, where it has one.

    Raises:
        SkinError: it cannot be read, or is of other classes than the model's.
    """
    challenge = infer_challenge(path)
    if challenge.task != task.name:
        raise SkinError(
            f"{path} is the truth of {challenge.name}, whose classes are not those of {task.name}"
        )
    labels = read_truth(path, challenge).labels
    labels = labels[labels.sum(axis=1) == 1]
    return {str(image): str(code) for image, code in labels.idxmax(axis=1).items()}


def make_strip(explained: Explained, task: Task, run: str, true: str | None) -> Strip:
    """Set an image and its heatmaps as photographs, with the likeliest classes below.

    Args:
        explained: the image.
        task: of the model.
        run: the model's.
        true: its true class, if it is known.
    """
    by_class = dict(zip(task.codes, explained.probabilities.tolist(), strict=True))
    ranked = sorted(by_class.items(), key=lambda each: -each[1])
    verdict = ", ".join(f"{code} {probability:.2f}" for code, probability in ranked[:_SHOWN])
    tone: Tone = "plain"
    if true is not None:
        verdict = say_verdict(ranked[0], (true, by_class[true]))
        tone = "good" if ranked[0][0] == true else "bad"
    lines = () if true is None else (f"true {true}",)
    image = image_photo(explained, _SIDE, alt=explained.image_id, lines=lines)
    overlays = overlay_photos(explained, _SIDE, of=run, verdict=verdict, tone=tone)
    return Strip(explained.image_id, [image, *overlays])


def explain_files(
    explained: Iterable[Explained],
    folder: Path,
    task: Task,
    run: str,
    classes: Mapping[str, str],
) -> Iterator[Explained]:
    """Write the heatmaps of images as they come, and contact sheets of them all.

    Args:
        explained: the images.
        folder: where to.
        task: of the model.
        run: the model's.
        classes: the true class of those images where it is known.

    Raises:
        SkinError: the folder cannot be written.
    """
    sheets = ContactSheets(folder)
    for each in explained:
        write_maps(folder, each)
        sheets.add(make_strip(each, task, run, classes.get(each.image_id)))
        yield each
    sheets.close()
