"""Losses over class log-probabilities."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.config import LossConfig
from skin.tree import Tree


class ClassificationLoss(nn.Module):
    """Cross entropy or focal loss, weighted, smoothed, prior-adjusted, or along the tree.

    With targets q (B, C), one-hot or mixed, class weights w and log-probabilities log p, the loss
    is the weighted mean over the batch

        sum_ic q'_ic w_c / d_c (1 - p_ic)^gamma (-log p_ic)  /  sum_ic q_ic w_c

    where q' is q with label smoothing (q' = (1 - e) q + e / C), gamma is 0 for cross entropy, and
    d_c is 1. Hard targets give what `torch.nn.functional.cross_entropy` gives, and for two classes
    what binary cross entropy and the binary focal loss of the logits' difference give.

    - Focal loss: Lin et al. 2017, arXiv 1708.02002, equation 4; alpha is the class weights.
    - Prior adjustment (Menon et al. 2021, arXiv 2007.07314, equation 10) adds tau * log(prior) to
      the log-probabilities in training only. What the model then learns is the balanced
      posterior, whose argmax maximises balanced accuracy.
    - `tree_steps: mean` divides by d_c, the number of decisions on the way to class c, so that the
      loss is the mean and not the sum over the steps of a hierarchical decision.
    - `path_cosine` adds 1 minus the cosine between the true path, as 0 and 1 for each node of the
      tree, and the nodes' probabilities (the path loss of Barata et al. 2021, Pattern Recognition
      110:107413, there on the one-hot outputs of each step).

    Args:
        config: which of them, and how strong.
        counts: training images of each class (C,).
        drawn: the share (C,) of each class among the images that an epoch draws, all above zero.
            It is the prior that weights and adjustment make up for, as a weighted sampler has
            already changed it.
        tree: of the classes.
    """

    def __init__(
        self,
        config: LossConfig,
        counts: NDArray[np.int64],
        drawn: NDArray[np.float64],
        tree: Tree,
    ) -> None:
        super().__init__()
        self.label_smoothing = config.label_smoothing
        self.gamma = config.focal_gamma if config.kind == "focal" else 0.0
        self.path_cosine = config.path_cosine
        steps = tree.depth_of_class if config.tree_steps == "mean" else np.ones(len(counts))
        offsets = config.prior_adjustment * np.log(drawn)
        self.register_buffer("weights", class_weights(config, drawn * counts.sum()))
        self.register_buffer("steps", torch.tensor(steps, dtype=torch.float32))
        self.register_buffer("offsets", torch.tensor(offsets, dtype=torch.float32))
        self.register_buffer("membership", torch.tensor(tree.membership, dtype=torch.float32))
        self.weights: Tensor
        self.steps: Tensor
        self.offsets: Tensor
        self.membership: Tensor

    def forward(self, log_probabilities: Tensor, targets: Tensor) -> Tensor:
        """Give the mean loss.

        Args:
            log_probabilities: (B, C).
            targets: class indices (B,), or shares (B, C) that sum to 1.
        """
        classes = log_probabilities.shape[1]
        shares = targets if targets.ndim == 2 else F.one_hot(targets, classes)  # noqa: PLR2004
        shares = shares.to(log_probabilities.dtype)
        log_p = F.log_softmax(log_probabilities + self.offsets, dim=1)
        smoothed = (1 - self.label_smoothing) * shares + self.label_smoothing / classes
        cost = -log_p * self.weights / self.steps
        if self.gamma:
            # At p = 1 the power's gradient would be infinite for gamma below 1.
            cost = cost * (-torch.expm1(log_p)).clamp_min(1e-6) ** self.gamma
        loss = (smoothed * cost).sum() / (shares * self.weights).sum()
        if self.path_cosine:
            loss = loss + self.path_cosine * self._path_loss(log_p, shares)
        return loss

    def _path_loss(self, log_p: Tensor, shares: Tensor) -> Tensor:
        predicted, true = log_p.exp() @ self.membership.T, shares @ self.membership.T
        return (1 - F.cosine_similarity(predicted, true)).mean()


def class_weights(config: LossConfig, n: NDArray[np.float64]) -> Tensor:
    """Weights (C,) with mean 1 over the n images (C,) that an epoch is expected to draw.

    `inverse` and `sqrt_inverse` of the counts n; `effective` is the inverse of the effective number
    of images (1 - beta^n) / (1 - beta) (Cui et al. 2019, arXiv 1901.05555, equation 2).
    """
    raw = {
        "none": np.ones_like(n),
        "inverse": 1 / n,
        "sqrt_inverse": n**-0.5,
        "effective": (1 - config.effective_beta) / (1 - config.effective_beta**n),
    }[config.class_weights]
    return torch.from_numpy(raw * n.sum() / (raw * n).sum()).float()
