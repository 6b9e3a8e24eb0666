from __future__ import annotations

import pytest
import torch

from skin.config import MixConfig
from skin.training.mixing import Mixer

BLACK, WHITE = torch.zeros(3, 8, 8, dtype=torch.uint8), torch.full((3, 8, 8), 255).byte()
IMAGES, TARGETS = torch.stack([BLACK, WHITE]), torch.tensor([0, 2])


def mix(seed: int = 0, **config: float) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    return Mixer(MixConfig(**config), 3)(IMAGES, TARGETS)


def test_without_mixing_nothing_is_touched():
    images, targets = mix()
    assert images is IMAGES
    assert targets is TARGETS


@pytest.mark.parametrize("seed", range(5))
def test_mixups_pixels_and_targets_have_the_same_shares(seed: int):
    images, shares = mix(seed, mixup=1.0)
    grey = images.flatten(1).mean(1)
    torch.testing.assert_close(images, grey[:, None, None, None].expand_as(images))
    torch.testing.assert_close(shares[:, 2], grey / 255)
    torch.testing.assert_close(shares.sum(1), torch.ones(2))


@pytest.mark.parametrize("seed", range(5))
def test_cutmixs_shares_are_the_areas(seed: int):
    images, shares = mix(seed, cutmix=1.0)
    assert set(images.unique().tolist()) <= {0.0, 255.0}
    white = (images == 255).double().mean((1, 2, 3))
    torch.testing.assert_close(shares[:, 2].double(), white)


def test_it_follows_the_seed():
    torch.testing.assert_close(mix(3, mixup=0.4, cutmix=1.0), mix(3, mixup=0.4, cutmix=1.0))
    assert not torch.equal(mix(3, mixup=0.4)[1], mix(4, mixup=0.4)[1])


def test_both_are_drawn():
    values = [set(mix(seed, mixup=1.0, cutmix=1.0)[0].unique().tolist()) for seed in range(12)]
    cut = [value <= {0.0, 255.0} for value in values]
    assert any(cut)
    assert not all(cut)


def test_the_probability_is_how_often_a_batch_is_mixed():
    torch.manual_seed(0)
    mixer = Mixer(MixConfig(mixup=1.0, probability=0.25), 3)
    mixed = sum(mixer(IMAGES, TARGETS)[1].ndim == 2 for _ in range(400))
    assert 60 < mixed < 140
