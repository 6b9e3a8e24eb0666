"""Predicting images with one model, each with the heatmaps that say where it looked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skin.analysis.heatmaps import ATTENTION, GRADCAM, attention_maps, grad_cam, to_image_size
from skin.analysis.overlay import write_heatmap
from skin.console import warn
from skin.ensembling.combine import Blend
from skin.ensembling.ensemble import Member
from skin.ensembling.load import LoadedMember, load_member
from skin.errors import SkinError, did_you_mean, name_some
from skin.inference.inputs import InputImage
from skin.inference.models import Models
from skin.inference.predict import FileBatch, FileImages, Preparation
from skin.taxonomy import Task, get_task
from skin.training.precision import choose_device

Method = Literal["gradcam", "attention", "all"]
_AT_ONCE = 16  # images held in memory together


class Chosen(NamedTuple):
    """The one model of an ensemble that explains."""

    member: Member
    run: str


class Explanation(NamedTuple):
    """What the model makes of one image.

    Attributes:
        image_id: the file's name without ending.
        probabilities: (C,) in task order, of the single model without test-time augmentation.
        target: the code of the class that Grad-CAM is for.
        empty: the methods whose map is zero everywhere.
    """

    image_id: str
    probabilities: NDArray[np.float64]
    target: str
    empty: tuple[str, ...]


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
class Explainer:
    """One loaded model and what is asked of it.

    Attributes:
        model: with its config.
        task: what it predicts.
        method: which heatmaps.
        target: the class index that Grad-CAM is for; none for the likeliest of each image.
        device: where the model is.
    """

    model: LoadedMember
    task: Task
    method: Method
    target: int | None
    device: torch.device

    @property
    def uses_metadata(self) -> bool:
        """Whether the model takes age, sex and site."""
        return self.model.config.model.metadata.used

    def explain(
        self,
        inputs: Sequence[InputImage],
        folder: Path,
        metadata: NDArray[np.float32] | None,
        *,
        skip_bad: bool = False,
    ) -> Iterator[Explanation]:
        """Write the heatmaps of files into `folder`, a batch at a time.

        Memory does not grow with the number of images, but for their metadata.

        Args:
            inputs: the files.
            folder: where to.
            metadata: (N, M), a row for each file; none if nothing is known.
            skip_bad: warn of files that are no whole image and leave them out.

        Raises:
            SkinError: a file is no whole image, the folder cannot be written, or the model cannot
                give what is asked for.
        """
        files = FileImages(inputs, {"model": Preparation.of(self.model.config)})
        for start in range(0, len(inputs), _AT_ONCE):
            batch = files.__getitems__(range(start, min(start + _AT_ONCE, len(inputs))))
            if batch.bad and not skip_bad:
                raise batch.bad[0]
            for error in batch.bad:
                warn(f"left out: {error}")
            if not batch.image_ids:
                continue
            known = None
            if metadata is not None and self.uses_metadata:
                known = torch.from_numpy(metadata[batch.rows]).to(self.device)
            yield from self._explain(batch, known, folder)

    def _explain(
        self, batch: FileBatch, metadata: Tensor | None, folder: Path
    ) -> Iterator[Explanation]:
        images = batch.images["model"]
        on_device = images.to(self.device)
        with torch.no_grad():
            log_probabilities = self.model.network(on_device, metadata).double()
        targets = log_probabilities.argmax(dim=1)
        if self.target is not None:
            targets = torch.full_like(targets, self.target)
        maps = {
            method: to_image_size(each, images.shape[-1]).cpu().numpy()
            for method, each in self._maps(on_device, targets, metadata).items()
        }
        probabilities = log_probabilities.exp().cpu().numpy()
        pixels = images.permute(0, 2, 3, 1).numpy()
        for i, image_id in enumerate(batch.image_ids):
            for method, each in maps.items():
                write_heatmap(folder, f"{image_id}_{method}", each[i], pixels[i])
            empty = tuple(method for method, each in maps.items() if not each[i].any())
            code = self.task.codes[int(targets[i])]
            yield Explanation(image_id, probabilities[i], code, empty)

    def _maps(self, images: Tensor, targets: Tensor, metadata: Tensor | None) -> dict[str, Tensor]:
        network = self.model.network
        maps: dict[str, Tensor] = {}
        if self.method != ATTENTION:
            maps[GRADCAM] = grad_cam(network, images, targets, metadata)
        if self.method != GRADCAM:
            maps |= attention_maps(network, images, metadata)
        if not maps:
            raise SkinError("this model has no attention to show: take --method gradcam")
        return maps


def load_explainer(
    models: Models, chosen: Chosen, *, method: Method, target: str | None, device: str
) -> Explainer:
    """Load the chosen model.

    Args:
        models: that it is one of.
        chosen: the model.
        method: which heatmaps.
        target: the code of the class that Grad-CAM is for; none for the likeliest of each image.
        device: auto, cpu, cuda or cuda:1.

    Raises:
        SkinError: the class is unknown, a file is missing or changed, or the device is not there.
    """
    task = get_task(models.ensemble.task)
    if target is not None and target not in task.codes:
        raise SkinError(
            f"--class {target}: {task.name} has no such class: {did_you_mean(target, task.codes)}"
        )
    place = choose_device(device)
    loaded = load_member(chosen.member, models.folder, place, classes=models.ensemble.classes)
    index = None if target is None else task.codes.index(target)
    return Explainer(loaded, task, method, index, place)
