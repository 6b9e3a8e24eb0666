"""What every attention block is, and the arithmetic that several of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class AttentionBlock(nn.Module, ABC):
    """A block on a spatial feature map, which can show where it looks.

    Attributes:
        out_channels: the channels of its output, given those of its input.
    """

    out_channels: int

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Turn `features` (B, D, H, W) into (B, out_channels, H', W'), of the same dtype."""

    @abstractmethod
    def heatmap(self, features: Tensor) -> Tensor:
        """Give the non-negative map (B, H, W) that `forward` uses, in at least float32."""


def widen(values: Tensor) -> Tensor:
    """Raise half precision to float32; float32 and float64 stay as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def softmax_over_places(scores: Tensor) -> Tensor:
    """Make each map of `scores` (B, K, H, W) sum to 1 over its H * W places.

    Autocast's half precision is left here: bfloat16 holds a probability to 2 or 3 digits only.
    """
    return widen(scores).flatten(2).softmax(2).view(scores.shape)


def mean_magnitude(features: Tensor) -> Tensor:
    """Give the mean over the channels of |features|: (B, D, H, W) -> (B, H, W).

    It is the heatmap of a block that weighs channels only. Such a block has no map of its own;
    this one shows where the channels that it lets through are active.
    """
    return widen(features).abs().mean(1)
