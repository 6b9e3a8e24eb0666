"""Channel attention, then a softmax over the places, as in hierarchical diagnosis."""

from __future__ import annotations

from torch import Tensor, nn

from skin.models.attention.block import AttentionBlock, softmax_over_places


class ChannelSpatialAttention(AttentionBlock):
    """The two attention modules of Barata et al. 2021 (Pattern Recognition 110:107413).

    With the feature map V as L = H * W vectors of D channels:
        channel attention:  V' = V * sigmoid(W2 tanh(W1 mean_L(V) + W1 max_L(V))),
        spatial attention:  a = softmax_L(w tanh(W3 V')),    z = sum_L a V'.
    W1 and W3 lead to D / 16 units, W2 back to D, and w to one score a place.

    Shapes: (B, D, H, W) -> (B, D, H, W); a is (B, H, W).

    Deviations: both modules of the paper are also conditioned on the state of its LSTM, which the
    hierarchical head has and a block has not. To stay a map, the output is y = L a V': its
    average over the places is exactly the paper's z, and a uniform a leaves V' as it is.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.out_channels = channels
        self.squeeze = nn.Conv2d(channels, hidden, kernel_size=1)
        self.excite = nn.Conv2d(hidden, channels, kernel_size=1)
        self.project = nn.Conv2d(channels, hidden, kernel_size=1)
        self.score = nn.Conv2d(hidden, 1, kernel_size=1, bias=False)  # softmax ignores a bias

    def forward(self, features: Tensor) -> Tensor:
        """Weigh the channels, then the places, of `features` (B, D, H, W)."""
        scaled = self._scale_channels(features)
        weights = self._attend(scaled) * (features.shape[2] * features.shape[3])
        return scaled * weights.to(scaled.dtype)

    def heatmap(self, features: Tensor) -> Tensor:
        """Give a (B, H, W); it sums to 1 over the places."""
        return self._attend(self._scale_channels(features)).squeeze(1)

    def _scale_channels(self, features: Tensor) -> Tensor:
        average = self.squeeze(features.mean((2, 3), keepdim=True))
        largest = self.squeeze(features.amax((2, 3), keepdim=True))
        gate: Tensor = self.excite((average + largest).tanh()).sigmoid()
        return features * gate

    def _attend(self, scaled: Tensor) -> Tensor:
        return softmax_over_places(self.score(self.project(scaled).tanh()))
