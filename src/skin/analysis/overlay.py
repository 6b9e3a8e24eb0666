"""A heatmap as files: its values, in grey, in colour, and over the image."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skin.files import replacing

_WEIGHT = 0.45  # of the colours over the image, which must stay readable
_WHITE = 255


def colour(heatmap: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour a heatmap (H, W) in 0 to 1 as RGB (H, W, 3), blue for 0 and red for 1."""
    coloured = cv2.applyColorMap(_grey(heatmap), cv2.COLORMAP_TURBO)
    return np.asarray(cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB), np.uint8)


def overlay(heatmap: NDArray[np.float32], image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a coloured heatmap (H, W) over its image (H, W, 3)."""
    blended = cv2.addWeighted(colour(heatmap), _WEIGHT, image, 1 - _WEIGHT, 0)
    return np.asarray(blended, np.uint8)


def write_heatmap(
    folder: Path, name: str, heatmap: NDArray[np.float32], image: NDArray[np.uint8]
) -> None:
    """Write `<name>_raw.npy`, `<name>_raw.png`, `<name>_raw_color.png`, `<name>_overlay.png`.

    Args:
        folder: where to.
        name: how the files' names begin.
        heatmap: (H, W), 0 to 1.
        image: (H, W, 3) uint8 RGB, as the model saw it.

    Raises:
        SkinError: the folder cannot be written.
    """
    with replacing(folder / f"{name}_raw.npy") as temporary, temporary.open("wb") as file:
        np.save(file, heatmap.astype(np.float32))
    for kind, pixels in (
        ("raw", _grey(heatmap)),
        ("raw_color", colour(heatmap)),
        ("overlay", overlay(heatmap, image)),
    ):
        with replacing(folder / f"{name}_{kind}.png") as temporary:
            Image.fromarray(pixels).save(temporary, "PNG")


def _grey(heatmap: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(heatmap * _WHITE).astype(np.uint8)
