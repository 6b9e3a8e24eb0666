"""The additive angular margin head (ArcFace)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses


class ArcMarginHead(nn.Module):
    """ArcFace (Deng et al. 2019, arXiv 1801.07698, equation 3): (B, F) -> log-probabilities (B, C).

    The logits are s * cos(theta_c), theta_c being the angle between the features and the class's
    direction. In training the true class's is s * cos(theta + m): it must win by the margin m.
    Where theta + m passes pi, cos would rise again; from there on it goes down by a line,
    cos(theta) - m * sin(m), as in the authors' code.

    Args:
        features: F.
        classes: C.
        dropout: the share of features that are hidden in training.
        scale: s.
        margin: m, in radians.
    """

    def __init__(
        self, features: int, classes: int, dropout: float, scale: float, margin: float
    ) -> None:
        super().__init__()
        self.scale, self.margin = scale, margin
        self.dropout = nn.Dropout(dropout)
        self.directions = nn.Parameter(torch.empty(classes, features))
        nn.init.xavier_uniform_(self.directions)

    def forward(self, pooled: Tensor, targets: Tensor | None = None) -> Tensor:
        """Give log-probabilities (B, C).

        Args:
            pooled: features (B, F).
            targets: class indices (B,); in training they get the margin.
        """
        return F.log_softmax(self.logits(pooled, targets), dim=1)

    def logits(self, pooled: Tensor, targets: Tensor | None = None) -> Tensor:
        """Give s * cos(theta) (B, C), float32 also under autocast; arguments are `forward`'s."""
        # An angle's cosine in 16 bits is too coarse near 1.
        with torch.autocast(pooled.device.type, enabled=False):
            features = F.normalize(self.dropout(pooled).float())
            cosines = features @ F.normalize(self.directions.float()).T
            if self.training and targets is not None:
                cosines = self._with_margin(cosines, targets)
            return self.scale * cosines

    def _with_margin(self, cosines: Tensor, targets: Tensor) -> Tensor:
        cosine = cosines.gather(1, targets[:, None])
        # The sine's gradient is infinite where the cosine is 1.
        sine = (1 - cosine.square()).clamp_min(1e-6).sqrt()
        turned = cosine * math.cos(self.margin) - sine * math.sin(self.margin)
        beyond = cosine - self.margin * math.sin(self.margin)
        hard = torch.where(cosine > math.cos(math.pi - self.margin), turned, beyond)
        return cosines.scatter(1, targets[:, None], hard)
