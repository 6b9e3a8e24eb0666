"""Predicting images that were altered after the evaluation's pipeline, several ways at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skin.analysis.probes.subjects import Part
from skin.data.loader import AugmentedImages, Batch, Draw
from skin.models.build import LesionClassifier
from skin.training.evaluation import predict_rows
from skin.training.plan import loader_workers

Alter = Callable[[NDArray[np.uint8], int, int], NDArray[np.uint8]]
"""Alters an evaluated image (S, S, 3), given its row in the table and which way: 0, 1, and so on.

Loader processes call it, so that it must depend on nothing else, and must be picklable.
"""


@dataclass(frozen=True, kw_only=True)
class AlteredImages(AugmentedImages):
    """The images of some rows, in each of several ways; a draw's `row` is its place among these.

    Place `way * N + i` is the i-th of the N rows in that way. A batch names the true rows.

    Attributes:
        rows: (N,) of the dataset's table.
        alter: what is done to them.
    """

    rows: NDArray[np.int64]
    alter: Alter

    def __getitems__(self, draws: Sequence[Draw]) -> Batch:
        """Load, evaluate and alter the drawn images."""
        places = np.array([draw.row for draw in draws])
        ways, at = np.divmod(places, len(self.rows))
        # Keyed as the evaluation's loader does.
        batch = super().__getitems__([Draw(row, (0, row)) for row in self.rows[at].tolist()])
        pixels = batch.images.permute(0, 2, 3, 1).numpy()  # a view
        for image, row, way in zip(pixels, self.rows[at].tolist(), ways.tolist(), strict=True):
            image[:] = self.alter(image, row, way)
        return batch


@dataclass(frozen=True, eq=False)
class Predictor:
    """One fold's model on its device, for altered images of the fold.

    Attributes:
        part: the fold, and the rows that are predicted.
        model: its model, in evaluation mode.
        device: where that is.
        tta: the views.
        metadata: (rows of the table, M); None for a model that takes none.
    """

    part: Part
    model: LesionClassifier
    device: torch.device
    tta: str
    metadata: Tensor | None

    @classmethod
    def load(cls, part: Part, device: torch.device, tta: str) -> Predictor:
        """Load the fold's best weights.

        Raises:
            SkinError: they are missing, damaged or of another model.
        """
        held_out = part.held_out
        return cls(part, held_out.load(device), device, tta, held_out.metadata())

    def predict(
        self, alter: Alter, ways: int, on_batch: Callable[[int], None] | None = None
    ) -> NDArray[np.float64]:
        """Predict each image in each of so many ways.

        Args:
            alter: makes them.
            ways: how many.
            on_batch: called with a batch's number of images once it is predicted.

        Returns:
            (ways, N, C) probabilities.
        """
        held_out, rows = self.part.held_out, self.part.rows
        clean = held_out.images()
        altered = AlteredImages(
            clean.images, clean.pipeline, clean.image_size, rows=rows, alter=alter
        )
        config = held_out.experiment.config
        log_probabilities = predict_rows(
            self.model,
            altered,
            np.arange(ways * len(rows)),
            tta=self.tta,
            metadata=self.metadata,
            batch_size=config.training.eval_batch_size,
            workers=loader_workers(config.runtime.workers, on_gpu=self.device.type == "cuda"),
            device=self.device,
            precision=held_out.precision(self.device, self.model),
            on_batch=on_batch,
        )
        return log_probabilities.exp().numpy().reshape(ways, len(rows), -1)
