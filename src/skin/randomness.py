"""Randomness that is keyed by what it is for, so that it never depends on who draws first.

Every random choice draws from a generator made from its key, as (seed, epoch, position). Neither
the number of loader workers nor a restart in the middle of an epoch can change what is drawn.
"""

from __future__ import annotations

import random

import numpy as np
import torch

# One number a purpose, so that equal keys of two purposes give unrelated draws.
ORDER, AUGMENT, STEP, INITIALISE, BALANCE, SUGGEST, PROBE = range(7)


def key(purpose: int, *parts: int) -> int:
    """Mix a purpose and numbers (negative ones too) into one 63-bit seed."""
    words = [purpose, *(part % 2**64 for part in parts)]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)


def torch_generator(purpose: int, *parts: int) -> torch.Generator:
    """A CPU generator for one purpose and key."""
    return torch.Generator().manual_seed(key(purpose, *parts))


def image_generators(*parts: int) -> tuple[np.random.Generator, random.Random]:
    """The two generators that albumentations draws from, for one image of one epoch."""
    seed = key(AUGMENT, *parts)
    return np.random.Generator(np.random.PCG64(seed)), random.Random(seed)  # noqa: S311
