"""The linear head, with one dropout mask or several."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses


class LinearHead(nn.Module):
    """A linear layer on pooled features: (B, F) -> log-probabilities (B, C).

    With several samples, multi-sample dropout (Inoue 2019, arXiv 1905.09788): in training the
    layer sees the features under that many dropout masks. The paper averages the losses of the
    samples; here their logits are averaged, which any loss can follow, and whose cross entropy is
    at most the paper's.

    Args:
        features: F.
        classes: C.
        dropout: the share of features that a mask hides.
        samples: masks an image.
    """

    def __init__(self, features: int, classes: int, dropout: float, samples: int = 1) -> None:
        super().__init__()
        self.samples = samples
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(features, classes)
        nn.init.trunc_normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, pooled: Tensor, _targets: Tensor | None = None) -> Tensor:
        """Give log-probabilities (B, C) for pooled features (B, F)."""
        return F.log_softmax(self.logits(pooled), dim=1)

    def logits(self, pooled: Tensor) -> Tensor:
        """Give what the softmax is taken of: (B, C), float32 also under autocast."""
        masks = self.samples if self.training else 1
        logits = [self.classifier(self.dropout(pooled)) for _ in range(masks)]
        return torch.stack(logits).mean(0).float()
