"""Attention blocks: each works on any spatial feature map (B, D, H, W).

A block's constructor takes the number of channels D, and it has `out_channels`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from skin.errors import SkinError, did_you_mean
from skin.models.attention.se import SqueezeExcite

ATTENTION: Mapping[str, Callable[[int], nn.Module]] = {"se": SqueezeExcite}


def build_attention(name: str, channels: int) -> nn.Module | None:
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
