"""Mixing the images of a batch, and their targets with them."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.transforms import v2

from skin.config import MixConfig


class Mixer:
    """Mixup (Zhang et al. 2018, arXiv 1710.09412) and CutMix (Yun et al. 2019, arXiv 1905.04899).

    They draw from torch's global generator, which the loop seeds for each step.

    Args:
        config: which, how strong, and how often.
        classes: C.
    """

    def __init__(self, config: MixConfig, classes: int) -> None:
        self.probability = config.probability
        self.transforms: list[v2.Transform] = []
        if config.mixup:
            self.transforms.append(v2.MixUp(alpha=config.mixup, num_classes=classes))
        if config.cutmix:
            self.transforms.append(v2.CutMix(alpha=config.cutmix, num_classes=classes))

    def __call__(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mix a batch, or leave it as it is.

        Args:
            images: (B, 3, H, W) in 0 to 255.
            targets: class indices (B,).

        Returns:
            The images, and the targets as shares (B, C), or as they were.
        """
        if not self.transforms or torch.rand(()) >= self.probability:
            return images, targets
        chosen = int(torch.randint(len(self.transforms), ()))
        mixed: tuple[Tensor, Tensor] = self.transforms[chosen](images.float(), targets)
        return mixed
