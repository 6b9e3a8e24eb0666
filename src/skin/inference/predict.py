"""What an ensemble's models say of new images, in one pass over the files."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
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

from skin import __version__
from skin.allocator import keep_freed_memory
from skin.analysis.metrics import FloatArray
from skin.config import Config
from skin.data.augment import build_pipeline
from skin.data.images import open_rgb, resize
from skin.data.loader import as_is
from skin.ensembling.combine.logs import normalise
from skin.ensembling.combine.stacker import Stacker
from skin.ensembling.ensemble import Ensemble, RunMembers
from skin.ensembling.load import LoadedMember, load_member
from skin.ensembling.uncertainty import mutual_information
from skin.errors import SkinError
from skin.files import sha256_bytes
from skin.inference.inputs import InputImage
from skin.models.forward import autocast, predict_batch, see_batch
from skin.models.outliers import outlier_score
from skin.training.plan import loader_workers
from skin.training.precision import choose_device

BATCH = 64
"""Files that the models see together."""


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


@dataclass(frozen=True)
class Batches:
    """Positions of inputs, a batch at a time; no batch reaches from one span into the next.

    What a model says of an image may differ in its last bits with the batch around it. So a span
    gives the same bits whichever other spans are asked for.
    """

    spans: Sequence[range]
    size: int

    def __iter__(self) -> Iterator[list[int]]:
        for span in self.spans:
            for start in range(0, len(span), self.size):
                yield list(span[start : start + self.size])


class RunPredictions(NamedTuple):
    """What the runs say of a batch of files.

    Attributes:
        rows: B, the places of the whole files among the inputs.
        image_ids: B, their ids.
        log_probabilities: (R, B, C), normalised; a run's is the log of the mean probability of its
            folds.
        mutual_information: (B,) between the class and the model that is asked, in nats: how far the
            models disagree. Each fold's model counts the same, whichever run it is of and whatever
            the run weighs in the ensemble; 0 for a single model.
        bad: the files that were left out.
        outlier: (B,) the ensemble's outlier score, see `skin.ensembling.unknown.Unknown`, of the
            images as they are, whatever the views; none if the ensemble has no use of it.
    """

    rows: list[int]
    image_ids: list[str]
    log_probabilities: FloatArray
    mutual_information: FloatArray
    bad: list[SkinError]
    outlier: FloatArray | None = None


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
            [
                load_member(member, folder, self.device, classes=ensemble.classes)
                for member in run.folds
            ]
            for run in ensemble.runs
        ]
        for member in self._members():
            key = _preparation_key(member.config)
            if key not in self.preparations:
                self.preparations[key] = Preparation.of(member.config)

    @property
    def models(self) -> int:
        """How many models predict each image."""
        return sum(1 for _ in self._members())

    @property
    def uses_metadata(self) -> bool:
        """Whether any of the models takes age, sex and site, or the way they are combined does."""
        combiner = self.ensemble.pipeline.combiner
        combines = isinstance(combiner, Stacker) and combiner.metadata_columns > 0
        return combines or any(m.config.model.metadata.used for m in self._members())

    def key(self) -> str:
        """A hash of all that the log-probabilities of given files depend on."""
        parts = [__version__, torch.__version__, self.device.type, self.tta, str(BATCH)]
        for run, members in zip(self.ensemble.runs, self._runs, strict=True):
            parts.append(run.name)
            for described, member in zip(run.folds, members, strict=True):
                parts += [described.sha256, member.precision, member.config.model_dump_json()]
        if self.ensemble.unknown is not None:
            # The threshold comes after the scores, and is no part of them.
            parts.append(self.ensemble.unknown.model_dump_json(include={"score", "standards"}))
            parts += [str(f.features_sha256) for run in self.ensemble.runs for f in run.folds]
        return sha256_bytes("\n".join(parts).encode())

    def batches(
        self,
        inputs: Sequence[InputImage],
        metadata: NDArray[np.float32] | None = None,
        *,
        spans: Sequence[range] | None = None,
        batch_size: int = BATCH,
        workers: int | None = None,
    ) -> Generator[RunPredictions]:
        """Yield what the runs say, a batch at a time.

        Memory does not grow with the number of images. Close what is not read to its end, so that
        the loader processes end at once.

        Args:
            inputs: the files.
            metadata: (N, M), a row for each file; none if nothing is known.
            spans: the positions in `inputs` to predict; none takes all. See `Batches`.
            batch_size: files a batch.
            workers: loader processes; none chooses by the cores.

        Raises:
            SkinError: a model gives NaN.
        """
        loader = DataLoader(
            FileImages(inputs, self.preparations),
            batch_sampler=Batches([range(len(inputs))] if spans is None else spans, batch_size),
            num_workers=loader_workers(workers, on_gpu=self.device.type != "cpu"),
            collate_fn=as_is,
        )
        for batch in loader:
            known = None if metadata is None else torch.from_numpy(metadata[batch.rows])
            values = np.empty((len(self._runs), 0, len(self.ensemble.classes)))
            disagreement = np.empty(0)
            outlier = None if self.ensemble.unknown is None else np.empty(0)
            if batch.rows:
                values, disagreement, outlier = self._predict(batch, known)
            yield RunPredictions(
                batch.rows, batch.image_ids, values, disagreement, batch.bad, outlier
            )

    def _members(self) -> Iterator[LoadedMember]:
        return (member for members in self._runs for member in members)

    def _predict(
        self, batch: FileBatch, metadata: Tensor | None
    ) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        """Give the runs' log-probabilities (R, B, C), mutual information and outlier score (B,)."""
        metadata = None if metadata is None else metadata.to(self.device)
        images = {
            key: each.to(self.device, non_blocking=True) for key, each in batch.images.items()
        }
        models: list[FloatArray] = []
        runs, outliers = [], []
        for run, members in zip(self.ensemble.runs, self._runs, strict=True):
            each = [self._predict_one(member, images, metadata) for member in members]
            folds = np.stack([values.cpu().numpy() for values, _ in each])
            _require_numbers(folds, run, batch.image_ids)
            outliers.append([score.cpu().numpy() for _, score in each if score is not None])
            models.append(normalise(folds))
            runs.append(normalise(logsumexp(folds, axis=0)))  # the mean of the probabilities
        unknown = self.ensemble.unknown
        outlier = None if unknown is None else unknown.combine(outliers)
        return np.stack(runs), mutual_information(np.concatenate(models)), outlier

    def _predict_one(
        self, member: LoadedMember, images: Mapping[str, Tensor], metadata: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Give log-probabilities (B, C) and, if the ensemble has one, its outlier score (B,)."""
        known = metadata if member.config.model.metadata.used else None
        # Lower precision is for a GPU's speed; a CPU has the time to be exact.
        precision = member.precision if self.device.type == "cuda" else "fp32"
        shown = images[_preparation_key(member.config)]
        unknown = self.ensemble.unknown
        with autocast(self.device, precision):
            if unknown is None:
                return predict_batch(member.network, shown, self.tta, known), None
            values, seen = see_batch(member.network, shown, self.tta, known)
        return values, outlier_score(unknown.score, seen, member.features)


def _require_numbers(folds: FloatArray, run: RunMembers, image_ids: Sequence[str]) -> None:
    """Check the log-probabilities (F, B, C) of a run's models for NaN and infinity."""
    wrong = np.argwhere(~np.isfinite(folds))
    if len(wrong):
        fold, image, code = wrong[0]
        value = str(folds[fold, image, code]).replace("nan", "NaN")
        raise SkinError(
            f"run '{run.name}', fold {run.folds[fold].fold}: the model gives {value} for image "
            f"{image_ids[image]}; train the fold again, or make an ensemble without the run"
        )


def _preparation_key(config: Config) -> str:
    return config.model_dump_json(
        include={"data": {"short_side", "image_size"}, "augment": {"evaluate"}}
    )
