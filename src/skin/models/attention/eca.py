"""Efficient channel attention: weigh each channel by its neighbours, without a bottleneck."""

from __future__ import annotations

from timm.layers import EcaModule
from torch import Tensor

from skin.models.attention.block import AttentionBlock, mean_magnitude


class EfficientChannelAttention(AttentionBlock):
    """ECA block (Wang et al. 2020, arXiv 1910.03151, equations 9 and 12), as timm implements it.

    s = sigmoid(conv1d_k(mean_HW(x))), y = s * x. One kernel of k weights slides over the
    channels, with zeros beyond the first and the last; k is the odd number nearest to
    (log2(D) + 1) / 2: 5 for 512 channels, 7 for 2048.

    Shapes: (B, D, H, W) -> (B, D, H, W).

    Deviations: k is 3 at least; the paper has a block in every residual unit, here one follows
    the whole backbone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels
        self.block = EcaModule(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Scale each channel of `features` (B, D, H, W)."""
        scaled: Tensor = self.block(features)
        return scaled

    def heatmap(self, features: Tensor) -> Tensor:
        """Give the mean magnitude (B, H, W) of the scaled channels; ECA has no spatial gate."""
        return mean_magnitude(self(features))
