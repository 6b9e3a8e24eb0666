"""Squeeze-and-excitation: weigh the channels by what the whole map holds."""

from __future__ import annotations

from timm.layers import SEModule
from torch import Tensor

from skin.models.attention.block import AttentionBlock, mean_magnitude


class SqueezeExcite(AttentionBlock):
    """SE block (Hu et al. 2018, arXiv 1709.01507, equations 2 to 4), as timm implements it.

    s = sigmoid(W2 relu(W1 mean_HW(x))), y = s * x, with D / 16 hidden channels.

    Shapes: (B, D, H, W) -> (B, D, H, W).

    Deviations: both layers have biases; the hidden channels are a multiple of 8, and 8 at least;
    the paper has a block in every residual unit, here one follows the whole backbone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels
        self.block = SEModule(channels, rd_ratio=1 / 16)

    def forward(self, features: Tensor) -> Tensor:
        """Scale each channel of `features` (B, D, H, W)."""
        scaled: Tensor = self.block(features)
        return scaled

    def heatmap(self, features: Tensor) -> Tensor:
        """Give the mean magnitude (B, H, W) of the scaled channels; SE has no spatial gate."""
        return mean_magnitude(self(features))
