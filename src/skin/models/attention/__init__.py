"""Attention blocks: each works on any spatial feature map (B, D, H, W).

A block's constructor takes the number of channels D; `block.py` says what else it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from skin.errors import SkinError, did_you_mean
from skin.models.attention.block import AttentionBlock
from skin.models.attention.cbam import ConvolutionalBlockAttention
from skin.models.attention.channel_spatial import ChannelSpatialAttention
from skin.models.attention.eca import EfficientChannelAttention
from skin.models.attention.se import SqueezeExcite
from skin.models.attention.soft import SoftAttention

ATTENTION: Mapping[str, Callable[[int], AttentionBlock]] = {
    "se": SqueezeExcite,
    "cbam": ConvolutionalBlockAttention,
    "eca": EfficientChannelAttention,
    "soft": SoftAttention,
    "channel_spatial": ChannelSpatialAttention,
}


def build_attention(name: str, channels: int) -> AttentionBlock | None:
    """Build the block of that name; `none` is no block.

    Raises:
        SkinError: there is none of that name; the message lists those there are.
    """
    if name == "none":
        return None
    if name not in ATTENTION:
        known = did_you_mean(name, ["none", *ATTENTION])
        raise SkinError(f"model.attention: unknown block '{name}': {known}")
    return ATTENTION[name](channels)
