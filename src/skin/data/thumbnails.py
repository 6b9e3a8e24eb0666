"""The small grey picture of an image that near-duplicates are told by."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 48
"""Pixels of a thumbnail, square whatever the image's aspect."""


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale an RGB image (H, W, 3) to a grey (`SIDE`, `SIDE`), each pixel the mean of its area."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
