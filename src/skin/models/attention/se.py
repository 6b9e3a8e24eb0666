"""Squeeze-and-excitation: weigh the channels by what the whole map holds."""

from __future__ import annotations

from timm.layers import SEModule
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """SE block (Hu et al. 2018, arXiv 1709.01507, equations 2 to 4), as timm implements it.

    s = sigmoid(W2 relu(W1 mean_HW(x))), y = s * x, with D / 16 hidden channels.

    Shapes: (B, D, H, W) -> (B, D, H, W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels
        self.block = SEModule(channels, rd_ratio=1 / 16)

    def forward(self, features: Tensor) -> Tensor:
        """Scale each channel of `features` (B, D, H, W)."""
        scaled: Tensor = self.block(features)
        return scaled
