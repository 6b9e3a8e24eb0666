from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.models.attention.cbam import ConvolutionalBlockAttention

B, D, H, W = 2, 32, 3, 5


def features() -> Tensor:
    return torch.randn(B, D, H, W, generator=torch.Generator().manual_seed(0))


def trained() -> ConvolutionalBlockAttention:
    """A block whose batch normalisation has seen data."""
    torch.manual_seed(0)
    block = ConvolutionalBlockAttention(D)
    for _ in range(5):
        block(features() + 1)
    return block.eval()


def by_hand(block: ConvolutionalBlockAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    """Give the scaled channels (B, D, H, W) and the spatial gate (B, H, W).

    Woo et al., equations 1 to 3, with batch normalisation before the second sigmoid.
    """
    w0, w1 = block.block.channel.fc1.weight.flatten(1), block.block.channel.fc2.weight.flatten(1)
    scores = sum(torch.relu(z @ w0.T) @ w1.T for z in (x.mean((2, 3)), x.flatten(2).amax(2)))
    assert isinstance(scores, Tensor)
    scaled = torch.einsum("bdhw,bd->bdhw", x, scores.sigmoid())
    pooled = torch.stack([scaled.mean(1), scaled.amax(1)], dim=1)
    conv, norm = block.block.spatial.conv.conv, block.block.spatial.conv.bn
    score = F.conv2d(F.pad(pooled, (3, 3, 3, 3)), conv.weight).squeeze(1)
    score = (score - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    return scaled, (norm.weight * score + norm.bias).sigmoid()


def test_the_equations_of_the_paper():
    block = trained()
    scaled, gate = by_hand(block, features())
    torch.testing.assert_close(block(features()), scaled * gate[:, None])


def test_the_heatmap_is_the_gate_that_forward_applies():
    block = trained()
    scaled, gate = by_hand(block, features())
    torch.testing.assert_close(block.heatmap(features()), gate)
    torch.testing.assert_close(scaled * block.heatmap(features())[:, None], block(features()))


def test_it_is_timms_block():
    block = trained()
    torch.testing.assert_close(block(features()), block.block(features()))


def test_one_place_by_hand():
    """x = (1, 3): the channels' gates are 1/2, then the place's score is 1 * 1 + 2 * 1.5 = 4."""
    block = ConvolutionalBlockAttention(2).eval()
    torch.nn.init.zeros_(block.block.channel.fc2.weight)
    conv = block.block.spatial.conv.conv
    torch.nn.init.zeros_(conv.weight)
    conv.weight.data[0, :, 3, 3] = torch.tensor([1.0, 2.0])
    gate = 1 / (1 + torch.tensor(-4.0).exp())
    x = torch.tensor([1.0, 3.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(block.heatmap(x), gate.view(1, 1, 1), rtol=1e-4, atol=0)
    torch.testing.assert_close(block(x), x / 2 * gate, rtol=1e-4, atol=0)


def test_shapes():
    block = ConvolutionalBlockAttention(D)
    assert block(features()).shape == (B, D, H, W)
    assert block.out_channels == D
