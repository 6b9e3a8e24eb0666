"""A heatmap as files: its values, in grey, in colour, and over the image."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skin.files import replacing

_COLOURS = cv2.COLORMAP_VIRIDIS
"""Perceptually uniform, and as bright as the heat for those who do not tell its hues apart. Its
middle is a green-blue that neither skin nor lesions have, where that of inferno is their red."""

_MOST = 0.65  # of the colour over the hottest place, through which the image stays to be seen
_LINE = 0.5  # of the maximum: where the line is drawn that needs no colours to be seen
_WHITE = 255


def colour(heatmap: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour a heatmap (H, W) in 0 to 1 as RGB (H, W, 3): dark violet, over green, to yellow."""
    coloured = cv2.applyColorMap(_grey(heatmap), _COLOURS)
    return np.asarray(cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB), np.uint8)


def overlay(heatmap: NDArray[np.float32], image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a coloured heatmap (H, W) over its image (H, W, 3).

    The colour covers in proportion to the heat, so that a place that does not count is the image
    itself; a white line is around what has half the heat or more.
    """
    share = _MOST * heatmap[..., None]
    blended = np.round(share * colour(heatmap) + (1 - share) * image).astype(np.uint8)
    hot = (heatmap >= _LINE).astype(np.uint8)
    outlines, _ = cv2.findContours(hot, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(blended, outlines, -1, (_WHITE,) * 3, 1), np.uint8)


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
