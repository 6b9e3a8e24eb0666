"""A finished fold as later stages take it up: its best model, and the images it never saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skin.data.dataset import Dataset, find_dataset
from skin.data.loader import AugmentedImages
from skin.errors import SkinError
from skin.files import sha256_file
from skin.models.build import LesionClassifier, build_model
from skin.runs import FoldRun
from skin.taxonomy import Task
from skin.training.checkpoint import load_weights
from skin.training.plan import Experiment, resolve
from skin.training.precision import choose_precision


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A finished fold, and what it was trained on.

    Attributes:
        fold: the run's folder of it.
        experiment: its config with the dataset, the folds and the labels.
    """

    fold: FoldRun
    experiment: Experiment

    @classmethod
    def find(cls, fold: FoldRun, data_dir: Path) -> Self:
        """Load what the fold was trained on, and nothing that only bears its name.

        Raises:
            SkinError: the dataset or its folds are not there, or not those of the training.
        """
        known = fold.metadata()
        dataset = find_dataset(data_dir, known["dataset"])
        if dataset.hash != known["dataset_hash"]:
            raise SkinError(
                f"{fold.folder} was trained on another state of dataset '{dataset.name}' than the "
                f"one in {data_dir}: give its own by --data-dir, or train the fold anew"
            )
        experiment = resolve(fold.config(), data_dir)
        if experiment.folds.hash != known["folds_hash"]:
            raise SkinError(
                f"{fold.folder} was trained on other folds '{experiment.folds.name}' than those of "
                f"dataset '{dataset.name}' in {data_dir}, so it may have learnt from what they "
                "hold out: restore its folds, or train it anew"
            )
        if experiment.metadata_hash != known.get("metadata_hash", experiment.metadata_hash):
            raise SkinError(
                f"{fold.folder} was trained on other ages, sexes or sites than dataset "
                f"'{dataset.name}' in {data_dir} has: give its own by --data-dir, or train the "
                "fold anew"
            )
        return cls(fold, experiment)

    @property
    def task(self) -> Task:
        """What the model predicts."""
        return self.experiment.task

    @property
    def dataset(self) -> Dataset:
        """Where the images are."""
        return self.experiment.dataset

    @property
    def rows(self) -> NDArray[np.int64]:
        """(N,) the held-out images' rows in the dataset's table."""
        return self.experiment.parts(self.fold.fold).held_out

    @property
    def targets(self) -> NDArray[np.int64]:
        """(N,) the class indices of `rows`."""
        targets: NDArray[np.int64] = self.experiment.targets[self.rows]
        return targets

    def images(self) -> AugmentedImages:
        """All of the dataset's images by row, as the model is evaluated on them: uint8, square."""
        return self.experiment.evaluation_images()

    def metadata(self) -> Tensor | None:
        """(rows of the dataset's table, M), for a model that takes metadata; None for others."""
        known = self.experiment.metadata
        return None if known is None else torch.from_numpy(known)

    def load(self, device: torch.device) -> LesionClassifier:
        """Load the best weights onto the device, in evaluation mode.

        Raises:
            SkinError: the weights are missing, damaged, of another model, or not those that the
                training left, which may have learnt from what this fold holds out.
        """
        recorded = self.fold.metadata().get("weights_sha256")
        if recorded and self.fold.weights.exists() and sha256_file(self.fold.weights) != recorded:
            raise SkinError(
                f"{self.fold.weights} is not the file that the training left; restore it, or train "
                "the fold anew"
            )
        config = self.experiment.config
        model = build_model(config, pretrained=False)
        load_weights(self.fold.weights, model)
        if config.training.channels_last:
            model.to(memory_format=torch.channels_last)
        return model.to(device).eval()

    def precision(self, device: torch.device, model: LesionClassifier) -> str:
        """As in training on such a device, so that nothing else differs; exact on another kind."""
        known = self.fold.metadata()
        wanted = known["precision"] if known["device"] == device.type else "fp32"
        return choose_precision(wanted, device, model)
