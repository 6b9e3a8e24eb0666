"""How images of a dataset are predicted: after each epoch, held out, and again by a later stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses
from torchmetrics.functional.classification import multiclass_accuracy

from skin.data.loader import AugmentedImages, Batch, evaluation_loader
from skin.models.forward import predict
from skin.runs import oof_columns
from skin.training.plan import Experiment
from skin.views import Tta


def predict_rows(
    model: nn.Module,
    images: AugmentedImages,
    rows: NDArray[np.int64],
    *,
    tta: str | Tta,
    metadata: Tensor | None,
    batch_size: int,
    workers: int,
    device: torch.device,
    precision: str,
    on_batch: Callable[[int], None] | None = None,
) -> Tensor:
    """Give log-probabilities (N, C), float64 on the CPU, in the order of `rows`.

    Args:
        model: gives log-probabilities.
        images: by row, as they are evaluated.
        rows: (N,) of the dataset's table.
        tta: the views.
        metadata: (rows of the table, M); none takes all as missing.
        batch_size: images a batch.
        workers: loader processes.
        device: where the model is.
        precision: `fp32`, `bf16` or `fp16`.
        on_batch: called with a batch's number of images once it is predicted.
    """
    loader = evaluation_loader(images, rows, batch_size, workers, pin_memory=device.type == "cuda")

    def batches() -> Iterator[Batch]:
        for batch in loader:
            yield batch
            if on_batch:
                on_batch(len(batch.rows))

    return predict(model, batches(), device, metadata=metadata, tta=tta, precision=precision)


def validation_figures(log_probabilities: Tensor, targets: Tensor) -> dict[str, float]:
    """Loss, BACC and accuracy of log-probabilities (N, C), as the history names them."""
    classes = log_probabilities.shape[1]
    bacc, accuracy = (
        float(multiclass_accuracy(log_probabilities, targets, classes, average=average))
        for average in ("macro", "micro")
    )
    return {
        "valid_loss": float(F.nll_loss(log_probabilities, targets)),
        "valid_bacc": bacc,
        "valid_accuracy": accuracy,
    }


def oof_table(
    experiment: Experiment,
    fold: int,
    rows: NDArray[np.int64],
    log_probabilities: NDArray[np.float64],
) -> pd.DataFrame:
    """Build a fold's table of out-of-fold predictions, as `skin.runs.read_oof` reads it.

    Args:
        experiment: the dataset and the task.
        fold: that held the rows out.
        rows: (N,) of the dataset's table.
        log_probabilities: (N, C).
    """
    task = experiment.task
    held_out = experiment.dataset.table.iloc[rows].reset_index(drop=True)
    keys = pd.DataFrame(
        {
            "image_id": held_out["image_id"],
            "lesion_id": held_out["lesion_id"],
            "fold": fold,
            "target": [task.codes[target] for target in experiment.targets[rows]],
        }
    )
    values = np.hstack([np.exp(log_probabilities), log_probabilities])
    columns = oof_columns(task)[len(keys.columns) :]
    return pd.concat([keys, pd.DataFrame(values, columns=columns)], axis=1)
