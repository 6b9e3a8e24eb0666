from __future__ import annotations

import math

import pytest
import torch

from skin.models.attention.eca import EfficientChannelAttention


@pytest.fixture
def block() -> EfficientChannelAttention:
    """Its kernel over three neighbouring channels is (1, 2, 3)."""
    built = EfficientChannelAttention(4)
    built.block.conv.weight.data = torch.tensor([[[1.0, 2.0, 3.0]]])
    return built


# The channels' means are -1, 1, 0 and 0, each over two places.
X = torch.tensor([[[[-2.0, 0.0]], [[1.0, 1.0]], [[3.0, -3.0]], [[0.0, 0.0]]]])
# 1 * left + 2 * own + 3 * right, with zeros beyond the ends
SCORES = [2 * -1 + 3 * 1, 1 * -1 + 2 * 1, 1 * 1, 0]


def test_the_equation_of_the_paper(block: EfficientChannelAttention):
    gates = torch.tensor([1 / (1 + math.exp(-score)) for score in SCORES])
    torch.testing.assert_close(block(X), X * gates.view(1, 4, 1, 1))


def test_the_heatmap_is_the_mean_magnitude_of_the_scaled_channels(
    block: EfficientChannelAttention,
):
    """All three channels that hold anything have the gate g = sigmoid(1)."""
    g = 1 / (1 + math.exp(-1))
    expected = torch.tensor([[[(2 + 1 + 3) / 4, (0 + 1 + 3) / 4]]]) * g
    torch.testing.assert_close(block.heatmap(X), expected)


@pytest.mark.parametrize(
    ("channels", "kernel"),
    [(2, 3), (16, 3), (256, 5), (512, 5), (1024, 5), (2048, 7)],
)
def test_the_kernel_grows_with_the_channels(channels: int, kernel: int):
    """It is the odd number nearest to 1, 2.5, 4.5, 5, 5.5 and 6, and 3 at least."""
    built = EfficientChannelAttention(channels)
    assert sum(p.numel() for p in built.parameters()) == kernel


def test_shapes():
    built = EfficientChannelAttention(8)
    assert built(torch.rand(2, 8, 3, 5)).shape == (2, 8, 3, 5)
    assert built.out_channels == 8
