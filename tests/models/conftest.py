from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from skin.config import Config, parse_config

SIDE = 64  # a map of 2x2, which soft attention needs


@pytest.fixture
def variant() -> Callable[..., Config]:
    """A config of a random tiny backbone; keywords set the model's keys."""

    def make(backbone: str = "test_resnet", **model: object) -> Config:
        keys = {"backbone": backbone, "pretrained": False} | model
        return parse_config({"data": {"image_size": SIDE}, "model": keys}, "test")

    return make


@pytest.fixture
def images() -> torch.Tensor:
    """Three images (3, 3, 64, 64) uint8."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 3, SIDE, SIDE), dtype=torch.uint8, generator=generator)
