from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from skin.models.attention.channel_spatial import ChannelSpatialAttention

B, D, H, W = 2, 32, 3, 5


def features(*shape: int) -> Tensor:
    return torch.randn(*(shape or (B, D, H, W)), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def block() -> ChannelSpatialAttention:
    torch.manual_seed(0)
    return ChannelSpatialAttention(D)


def linear(layer: torch.nn.Conv2d, vectors: Tensor) -> Tensor:
    product = vectors @ layer.weight.flatten(1).T
    return product if layer.bias is None else product + layer.bias


def by_hand(block: ChannelSpatialAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    """Give V' (B, L, D) and its weights a (B, L), as the paper writes them."""
    vectors = x.flatten(2).transpose(1, 2)
    average, largest = vectors.mean(1), vectors.amax(1)
    hidden = torch.tanh(linear(block.squeeze, average) + linear(block.squeeze, largest))
    scaled = vectors * linear(block.excite, hidden).sigmoid()[:, None]
    scores = linear(block.score, linear(block.project, scaled).tanh()).squeeze(2)
    return scaled, scores.exp() / scores.exp().sum(1, keepdim=True)


def test_the_equations_of_the_paper(block: ChannelSpatialAttention):
    scaled, a = by_hand(block, features())
    expected = H * W * a[..., None] * scaled
    torch.testing.assert_close(block(features()).flatten(2).transpose(1, 2), expected)


def test_the_heatmap_is_the_softmax_that_forward_applies(block: ChannelSpatialAttention):
    scaled, a = by_hand(block, features())
    heatmap = block.heatmap(features())
    torch.testing.assert_close(heatmap, a.view(B, H, W))
    expected = H * W * heatmap.flatten(1)[..., None] * scaled
    torch.testing.assert_close(block(features()).flatten(2).transpose(1, 2), expected)


def test_the_average_of_the_output_is_the_papers_z(block: ChannelSpatialAttention):
    scaled, a = by_hand(block, features())
    z = torch.einsum("bl,bld->bd", a, scaled)
    torch.testing.assert_close(block(features()).mean((2, 3)), z)


def test_a_uniform_map_changes_nothing(block: ChannelSpatialAttention):
    torch.nn.init.zeros_(block.score.weight)
    scaled, _ = by_hand(block, features())
    torch.testing.assert_close(block.heatmap(features()), torch.full((B, H, W), 1 / (H * W)))
    torch.testing.assert_close(block(features()).flatten(2).transpose(1, 2), scaled)


def test_two_places_by_hand():
    """One channel holds 2 and -2: its mean is 0, its maximum 2.

    Channel attention: sigmoid(ln 3 / tanh(2) * tanh(1 * 0 + 1 * 2)) = 3/4, so V' is 1.5 and -1.5.
    Spatial attention: scores of w tanh(V') = +-ln(2) / 2, so a is 2/3 and 1/3, and L a V' = 2, -1.
    """
    block = ChannelSpatialAttention(1)
    for layer in (block.squeeze, block.excite, block.project):
        torch.nn.init.ones_(layer.weight)
        assert layer.bias is not None
        torch.nn.init.zeros_(layer.bias)
    torch.nn.init.constant_(block.excite.weight, math.log(3) / math.tanh(2))
    torch.nn.init.constant_(block.score.weight, math.log(2) / 2 / math.tanh(1.5))
    x = torch.tensor([[[[2.0, -2.0]]]])
    torch.testing.assert_close(block.heatmap(x), torch.tensor([[[2 / 3, 1 / 3]]]))
    torch.testing.assert_close(block(x), torch.tensor([[[[2.0, -1.0]]]]))


@given(height=st.integers(1, 6), width=st.integers(1, 6))
def test_the_map_sums_to_1(height: int, width: int):
    heatmap = ChannelSpatialAttention(4).heatmap(9 * features(1, 4, height, width))
    assert float(heatmap.detach().sum()) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(("channels", "hidden"), [(2048, 128), (32, 2), (4, 1)])
def test_shapes(channels: int, hidden: int):
    block = ChannelSpatialAttention(channels)
    assert block(features(B, channels, 2, 3)).shape == (B, channels, 2, 3)
    assert block.out_channels == channels
    assert block.squeeze.weight.shape[:2] == (hidden, channels)
