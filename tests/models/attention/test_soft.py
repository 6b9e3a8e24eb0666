from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.errors import SkinError
from skin.models.attention.soft import SoftAttention

B, D, H, W, K = 2, 3, 3, 4, 2


def features(*shape: int) -> Tensor:
    return torch.randn(*(shape or (B, D, H, W)), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def block() -> SoftAttention:
    torch.manual_seed(0)
    built = SoftAttention(D, maps=K).eval()
    built.gamma.data = torch.tensor(0.7)
    return built


def map_by_hand(weight: Tensor, t: Tensor) -> list[list[float]]:
    """sum_k softmax(W_k * t) of one image (D, H, W), place by place."""
    total = [[0.0] * W for _ in range(H)]
    for kernel in weight:
        scores = {
            (y, x): sum(
                float(kernel[d, v + 1, u + 1] * t[d, y + v, x + u])
                for d, v, u in product(range(D), (-1, 0, 1), (-1, 0, 1))
                if 0 <= y + v < H and 0 <= x + u < W
            )
            for y, x in product(range(H), range(W))
        }
        whole = sum(math.exp(score) for score in scores.values())
        for (y, x), score in scores.items():
            total[y][x] += math.exp(score) / whole
    return total


def test_the_map_is_the_papers(block: SoftAttention):
    weight = block.scores.weight.detach()
    expected = torch.tensor([map_by_hand(weight, t) for t in features()])
    torch.testing.assert_close(block.heatmap(features()), expected)


def test_the_output_is_the_papers(block: SoftAttention):
    """Max-pool t and gamma a t in windows of 2x2, the last row alone; concatenate; ReLU."""
    t = features()
    attended = 0.7 * torch.einsum("bdhw,bhw->bdhw", t, block.heatmap(t))
    output = block(t)
    assert output.shape == (B, 2 * D, 2, 2)
    for b, d, y, x in product(range(B), range(D), range(2), range(2)):
        window = (b, d, slice(2 * y, 2 * y + 2), slice(2 * x, 2 * x + 2))
        assert output[b, d, y, x] == t[window].max().clamp(min=0)
        torch.testing.assert_close(output[b, D + d, y, x], attended[window].max().clamp(min=0))


def test_it_is_a_3d_convolution_whose_kernel_covers_the_channels(block: SoftAttention):
    volume = features().unsqueeze(1)  # (B, 1, D, H, W)
    kernel = block.scores.weight.unsqueeze(1)  # (K, 1, D, 3, 3)
    scores = F.conv3d(volume, kernel, padding=(0, 1, 1))
    assert scores.shape == (B, K, 1, H, W)
    torch.testing.assert_close(scores.squeeze(2), block.scores(features()))


def test_a_uniform_map_by_hand():
    """Without scores each of 16 maps is 1 / 4 on 2x2 places: a = 4, and f = gamma * 4 t."""
    block = SoftAttention(1).eval()
    torch.nn.init.zeros_(block.scores.weight)
    t = torch.tensor([[[[1.0, 2.0], [-3.0, 5.0]]]])
    assert block.heatmap(t).tolist() == [[[4.0, 4.0], [4.0, 4.0]]]
    assert block(t).flatten().tolist() == [5.0, 20.0]
    block.gamma.data = torch.tensor(-0.5)  # -2 t is largest at t = -3
    assert block(t).flatten().tolist() == [5.0, 6.0]


@pytest.mark.parametrize(("side", "pooled"), [(2, 1), (7, 4), (8, 4)])
def test_shapes(side: int, pooled: int):
    """No place of an odd side is left out: 224 px make a map of 7x7."""
    block = SoftAttention(D).eval()
    assert block(features(B, D, side, side)).shape == (B, block.out_channels, pooled, pooled)
    assert block.out_channels == 2 * D


def test_it_has_16_maps_and_no_bias():
    block = SoftAttention(D)
    assert block.scores.weight.shape == (16, D, 3, 3)
    assert {name for name, _ in block.named_parameters()} == {"gamma", "scores.weight"}


def test_half_of_the_output_is_dropped_in_training():
    block = SoftAttention(D).train()
    torch.manual_seed(0)
    kept = (block(torch.ones(8, D, 16, 16)) > 0).float().mean()
    assert kept == pytest.approx(0.5, abs=0.05)


@given(height=st.integers(2, 6), width=st.integers(2, 6), maps=st.integers(1, 4))
def test_the_map_sums_to_the_number_of_maps(height: int, width: int, maps: int):
    heatmap = SoftAttention(D, maps=maps).heatmap(9 * features(1, D, height, width))
    assert float(heatmap.detach().sum()) == pytest.approx(maps, rel=1e-5)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (4, 1)])
def test_too_small_a_map_is_an_error(height: int, width: int):
    with pytest.raises(
        SkinError, match=rf"^model.attention: .* is {height}x{width}: raise data.image_size$"
    ):
        SoftAttention(D)(features(1, D, height, width))
