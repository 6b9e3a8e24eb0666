"""Soft attention: a sum of softmax maps over the places, concatenated to what it weighs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.errors import SkinError
from skin.models.attention.block import AttentionBlock, softmax_over_places

_POOL = 2


class SoftAttention(AttentionBlock):
    """Soft attention (Datta et al. 2021, arXiv 2105.03358).

    The paper's f_sa and the block that it builds with it, for the feature map t and K = 16
    convolutions W_k:
        a = sum_k softmax_HW(W_k * t),    f_sa = gamma * a * t,
        y = dropout_0.5(relu([maxpool_2x2(t); maxpool_2x2(f_sa)])).

    Shapes: (B, D, H, W) -> (B, 2 D, ceil(H / 2), ceil(W / 2)); a is (B, H, W).

    W_k is a 3-D convolution over t as a volume (D, H, W) of one channel. Its kernel covers all D
    channels at once, so that it has one position along D and equals a 2-D convolution D -> K with
    the kernel (D, 3, 3), which is what stands here.

    The learnable scale gamma starts at 1, where f_sa is that of the published code, which has no
    gamma. a sums to K over H * W places, so that f_sa starts at K / (H W) of t on average: a
    third on a 7x7 map. A much smaller gamma would also scale down what W_k learns from.

    Deviations from the published code, towards the paper: no ReLU before the softmax; the kernel
    covers the channels (the code's kernel is laid over axes in another order). The convolutions
    have no bias, since softmax ignores it. As there, pooling an odd side keeps the last row.
    """

    def __init__(self, channels: int, maps: int = 16, dropout: float = 0.5) -> None:
        super().__init__()
        self.out_channels = 2 * channels
        self.scores = nn.Conv2d(channels, maps, kernel_size=3, padding=1, bias=False)
        self.gamma = nn.Parameter(torch.ones(()))
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """Pool `features` (B, D, H, W) and their attended copy, and concatenate both.

        Raises:
            SkinError: the map is smaller than 2x2.
        """
        height, width = features.shape[2:]
        if min(height, width) < _POOL:
            raise SkinError(
                f"model.attention: soft attention pools a map of 2x2 or more, and the backbone's "
                f"is {height}x{width}: raise data.image_size"
            )
        weights = self.gamma * self.heatmap(features).unsqueeze(1)
        attended = weights.to(features.dtype) * features
        branches = torch.cat([features, attended], dim=1)
        pooled: Tensor = self.dropout(F.max_pool2d(branches, _POOL, ceil_mode=True).relu())
        return pooled

    def heatmap(self, features: Tensor) -> Tensor:
        """Give a (B, H, W), before gamma; it sums to K over the places."""
        return softmax_over_places(self.scores(features)).sum(1)
