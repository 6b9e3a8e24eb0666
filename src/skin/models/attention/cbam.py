"""Convolutional block attention: weigh the channels, then the places."""

from __future__ import annotations

import torch
from timm.layers.cbam import CbamModule
from torch import Tensor

from skin.models.attention.block import AttentionBlock, widen


class ConvolutionalBlockAttention(AttentionBlock):
    """CBAM (Woo et al. 2018, arXiv 1807.06521, equations 1 to 3), of timm's layers.

    With the shared layers W1 W0 (D / 16 hidden channels, no biases):
        x' = x * sigmoid(W1 relu(W0 mean_HW(x)) + W1 relu(W0 max_HW(x))),
        y = x' * sigmoid(conv7x7([mean_D(x'); max_D(x')])).

    Shapes: (B, D, H, W) -> (B, D, H, W).

    Deviations: batch normalisation follows the 7x7 convolution, as in the authors' code but not
    in equation 3; the paper has a block in every residual unit, here one follows the whole
    backbone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels
        self.block = CbamModule(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Scale each channel, then each place, of `features` (B, D, H, W)."""
        scaled: Tensor = self.block.channel(features)
        return scaled * self._spatial_gate(scaled)

    def heatmap(self, features: Tensor) -> Tensor:
        """Give the spatial gate (B, H, W), each place between 0 and 1.

        In training mode its batch normalisation would take statistics from `features`: set the
        evaluation mode first.
        """
        return widen(self._spatial_gate(self.block.channel(features))).squeeze(1)

    def _spatial_gate(self, scaled: Tensor) -> Tensor:
        # timm's SpatialAttn.forward applies its gate without giving it.
        spatial = self.block.spatial
        pooled = torch.cat([scaled.mean(1, keepdim=True), scaled.amax(1, keepdim=True)], dim=1)
        gate: Tensor = spatial.gate(spatial.conv(pooled))
        return gate
