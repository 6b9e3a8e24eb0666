"""Predicting new images with an ensemble, in one pass over the files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import albumentations as A  # noqa: N812 - the name its documentation uses
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from skin.allocator import keep_freed_memory
from skin.config import Config
from skin.data.augment import build_pipeline
from skin.data.images import open_rgb, resize
from skin.data.loader import as_is
from skin.ensembling.ensemble import Ensemble, LoadedMember, load_member
from skin.errors import SkinError
from skin.inference.inputs import InputImage
from skin.models.forward import autocast, predict_batch
from skin.training.plan import loader_workers
from skin.training.precision import choose_device


class Preparation(NamedTuple):
    """How a model wants its images: as the cache held them, then its evaluation pipeline."""

    short_side: int
    image_size: int
    pipeline: A.Compose

    @classmethod
    def of(cls, config: Config) -> Preparation:
        """As a run's config has it."""
        side = config.data.image_size
        pipeline = build_pipeline(config.augment.evaluate, side, "augment.evaluate")
        return cls(config.data.short_side or side, side, pipeline)

    def __call__(self, data: bytes, name: str) -> NDArray[np.uint8]:
        """Turn a file into pixels (S, S, 3)."""
        image = np.asarray(resize(open_rgb(data, name), self.short_side, name))
        pixels: NDArray[np.uint8] = self.pipeline(image=image)["image"]
        return pixels


class FileBatch(NamedTuple):
    """A batch of files: a tensor (B, 3, S, S) for each preparation, and the files left out.

    `rows` are the places of the whole files among the inputs.
    """

    rows: list[int]
    image_ids: list[str]
    images: dict[str, Tensor]
    bad: list[SkinError]


@dataclass(frozen=True)
class FileImages(Dataset[FileBatch]):
    """Files, read and prepared a batch at a time."""

    inputs: Sequence[InputImage]
    preparations: Mapping[str, Preparation]

    def __getitems__(self, positions: Sequence[int]) -> FileBatch:
        """Read the files; a bad one is reported and left out, as a worker must not raise."""
        rows, image_ids, prepared, bad = [], [], [], []
        for position in positions:
            item = self.inputs[position]
            try:
                data = item.read()
                prepared.append([prepare(data, item.ref) for prepare in self.preparations.values()])
                rows.append(position)
                image_ids.append(item.image_id)
            except SkinError as error:
                bad.append(error)
        stacks = [np.stack(each) for each in zip(*prepared, strict=True)]  # none if all are bad
        tensors = [torch.from_numpy(each).permute(0, 3, 1, 2) for each in stacks]
        return FileBatch(rows, image_ids, dict(zip(self.preparations, tensors, strict=False)), bad)


class Predictor:
    """An ensemble's models, loaded once.

    Args:
        ensemble: its description.
        folder: where the description lies.
        device: auto, cpu, cuda or cuda:1.
        tta: the views; none takes those of the out-of-fold figures.

    Raises:
        SkinError: a model's files are missing or changed, or the device is not there.
    """

    def __init__(
        self, ensemble: Ensemble, folder: Path, *, device: str = "auto", tta: str | None = None
    ) -> None:
        keep_freed_memory()
        self.ensemble = ensemble
        self.device = choose_device(device)
        self.tta = tta or ensemble.tta
        # Models that want the same images share them.
        self.preparations: dict[str, Preparation] = {}
        self._runs = [
            [load_member(member, folder, self.device) for member in run.folds]
            for run in ensemble.runs
        ]
        for member in (member for members in self._runs for member in members):
            key = _preparation_key(member.config)
            if key not in self.preparations:
                self.preparations[key] = Preparation.of(member.config)

    @property
    def models(self) -> int:
        """How many models predict each image."""
        return sum(len(run) for run in self._runs)

    @property
    def uses_metadata(self) -> bool:
        """Whether any of the models takes age, sex and site."""
        return any(
            member.config.model.metadata.used for members in self._runs for member in members
        )

    def batches(
        self,
        inputs: Sequence[InputImage],
        metadata: NDArray[np.float32] | None = None,
        *,
        batch_size: int = 64,
        workers: int | None = None,
    ) -> Iterator[tuple[list[str], NDArray[np.float64], list[SkinError]]]:
        """Yield ids, log-probabilities (B, C) and bad files, a batch at a time.

        Memory does not grow with the number of images, but for their metadata.

        Args:
            inputs: the files.
            metadata: (N, M), a row for each file; none if nothing is known.
            batch_size: files a batch.
            workers: loader processes; none chooses by the cores.
        """
        loader = DataLoader(
            FileImages(inputs, self.preparations),
            batch_sampler=[
                list(range(i, min(i + batch_size, len(inputs))))
                for i in range(0, len(inputs), batch_size)
            ],
            num_workers=loader_workers(workers, on_gpu=self.device.type != "cpu"),
            collate_fn=as_is,
        )
        for batch in loader:
            empty = np.empty((0, len(self.ensemble.classes)))
            known = None if metadata is None else torch.from_numpy(metadata[batch.rows])
            values = self._predict(batch.images, known) if batch.image_ids else empty
            yield batch.image_ids, values, batch.bad

    def _predict(
        self, images: Mapping[str, Tensor], metadata: Tensor | None
    ) -> NDArray[np.float64]:
        metadata = None if metadata is None else metadata.to(self.device)
        on_device = {key: each.to(self.device, non_blocking=True) for key, each in images.items()}
        runs = []
        for members in self._runs:
            folds = [
                self._predict_one(member, on_device, metadata).cpu().numpy() for member in members
            ]
            runs.append(logsumexp(folds, axis=0) - np.log(len(folds)))
        return self.ensemble.combiner.combine(np.stack(runs))

    def _predict_one(
        self, member: LoadedMember, images: Mapping[str, Tensor], metadata: Tensor | None
    ) -> Tensor:
        known = metadata if member.config.model.metadata.used else None
        # Lower precision is for a GPU's speed; a CPU has the time to be exact.
        precision = member.precision if self.device.type == "cuda" else "fp32"
        with autocast(self.device, precision):
            shown = images[_preparation_key(member.config)]
            return predict_batch(member.network, shown, self.tta, known)


def _preparation_key(config: Config) -> str:
    return config.model_dump_json(
        include={"data": {"short_side", "image_size"}, "augment": {"evaluate"}}
    )


@dataclass(frozen=True)
class Predictions:
    """What became of the files.

    Attributes:
        image_ids: N, in order of the inputs.
        probabilities: (N, C), in the task's order.
        bad: the files that were left out.
    """

    image_ids: list[str]
    probabilities: NDArray[np.float64]
    bad: list[SkinError]


def predict_files(
    predictor: Predictor,
    inputs: Sequence[InputImage],
    metadata: NDArray[np.float32] | None = None,
    *,
    skip_bad: bool = False,
    on_batch: Callable[[int], None] | None = None,
) -> Predictions:
    """Predict files.

    Args:
        predictor: the loaded models.
        inputs: the files.
        metadata: (N, M), a row for each file; none if nothing is known.
        skip_bad: leave files out that are no whole image, instead of raising.
        on_batch: told how many files were done.

    Raises:
        SkinError: a file is no whole image, or none is left.
    """
    image_ids: list[str] = []
    parts: list[NDArray[np.float64]] = []
    bad: list[SkinError] = []
    for ids, log_probabilities, unusable in predictor.batches(inputs, metadata):
        if unusable and not skip_bad:
            raise unusable[0]
        image_ids += ids
        parts.append(np.exp(log_probabilities))
        bad += unusable
        if on_batch:
            on_batch(len(ids) + len(unusable))
    if not image_ids:
        raise SkinError("no file is a whole image, so there is nothing to predict")
    return Predictions(image_ids, np.concatenate(parts), bad)
