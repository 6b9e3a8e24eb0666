"""Losses over class log-probabilities."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.config import LossConfig


class ClassificationLoss(nn.Module):
    """Cross entropy with class weights, label smoothing and prior adjustment.

    Prior adjustment (Menon et al. 2021, arXiv 2007.07314, equation 10) adds tau * log(prior) to
    the log-probabilities in training only. What the model then learns is the balanced posterior,
    whose argmax maximises balanced accuracy.

    Args:
        config: which of them, and how strong.
        counts: training images of each class (C,), all above zero.
        drawn: the share (C,) of each class among the images that an epoch draws. It is the prior,
            as a weighted sampler has already changed it.
    """

    def __init__(
        self, config: LossConfig, counts: NDArray[np.int64], drawn: NDArray[np.float64]
    ) -> None:
        super().__init__()
        self.label_smoothing = config.label_smoothing
        self.register_buffer("weights", class_weights(config.class_weights, counts))
        self.register_buffer(
            "offsets", torch.from_numpy(config.prior_adjustment * np.log(drawn)).float()
        )
        self.weights: Tensor | None
        self.offsets: Tensor

    def forward(self, log_probabilities: Tensor, targets: Tensor) -> Tensor:
        """Give the mean loss for log-probabilities (B, C) and class indices (B,)."""
        return F.cross_entropy(
            log_probabilities + self.offsets,
            targets,
            weight=self.weights,
            label_smoothing=self.label_smoothing,
        )


def class_weights(kind: str, counts: NDArray[np.int64]) -> Tensor | None:
    """Weights (C,) with mean 1 over the training images: inverse counts, or the roots of these."""
    if kind == "none":
        return None
    power = {"inverse": 1.0, "sqrt_inverse": 0.5}[kind]
    raw = counts.astype(np.float64) ** -power
    return torch.from_numpy(raw * counts.sum() / (raw * counts).sum()).float()
