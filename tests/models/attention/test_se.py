from __future__ import annotations

import torch

from skin.models.attention.se import SqueezeExcite

B, D, H, W = 2, 32, 3, 5


def features() -> torch.Tensor:
    return torch.randn(B, D, H, W, generator=torch.Generator().manual_seed(0))


def by_hand(block: SqueezeExcite, x: torch.Tensor) -> torch.Tensor:
    """s = sigmoid(W2 relu(W1 z)), z the mean of each channel: Hu et al., equations 2 to 4."""
    first, second = (p for p in block.parameters() if p.ndim > 1)
    first_bias, second_bias = (p for p in block.parameters() if p.ndim == 1)
    hidden = torch.relu(x.mean((2, 3)) @ first.flatten(1).T + first_bias)
    s = torch.sigmoid(hidden @ second.flatten(1).T + second_bias)
    return x * s[:, :, None, None]


def test_the_equations_of_the_paper():
    block = SqueezeExcite(D)
    torch.testing.assert_close(block(features()), by_hand(block, features()))


def test_the_heatmap_is_the_mean_magnitude_of_the_scaled_channels():
    block = SqueezeExcite(D)
    expected = by_hand(block, features()).abs().sum(1) / D
    torch.testing.assert_close(block.heatmap(features()), expected)


def test_the_hidden_layer_has_a_sixteenth_of_the_channels():
    first, *_ = (p for p in SqueezeExcite(256).parameters() if p.ndim > 1)
    assert first.shape[:2] == (16, 256)


def test_shapes():
    block = SqueezeExcite(D)
    assert block(features()).shape == (B, D, H, W)
    assert block.out_channels == D


def test_it_weighs_channels_between_0_and_1_and_not_places():
    x = features()
    scale = SqueezeExcite(D)(x) / x
    assert ((scale > 0) & (scale < 1)).all()
    torch.testing.assert_close(scale, scale[:, :, :1, :1].expand_as(scale))
