"""Plain measures of a picture, which know nothing of lesions: light, colour, sharpness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.console import progress
from skin.data.cache import Cache

_COARSE = 64  # pixels of the short side that light and colour are measured on
_CORNER = 8  # a corner is an eighth of each side
_DARK = 25.0  # L*: a dermatoscope's rim and what lies outside it


@dataclass(frozen=True)
class Measure:
    """One measure of a picture.

    Attributes:
        name: of its column.
        title: with its unit.
        logarithmic: whether it is drawn so.
    """

    name: str
    title: str
    logarithmic: bool = False


MEASURES: Final = (
    Measure("brightness", "Brightness, mean CIELAB L*"),
    Measure("contrast", "Contrast, standard deviation of L*"),
    Measure("saturation", "Saturation, mean CIELAB chroma"),
    Measure("redness", "Redness, mean CIELAB a*"),
    Measure("yellowness", "Yellowness, mean CIELAB b*"),
    Measure("sharpness", "Sharpness, variance of the Laplacian", logarithmic=True),
    Measure("dark_corners", "Dark corners, share of their pixels with L* below 25"),
)
COLOURS: Final = tuple(f"{part}_{c}" for part in ("centre", "border") for c in "rgb")
"""Mean RGB, 0 to 255, of the middle (half as wide and high) and of what lies around it."""


def measure_all(cache: Cache) -> pd.DataFrame:
    """Measure every image: `MEASURES` and `COLOURS`, a row an image."""
    with progress() as bar:
        rows = [
            measure(image)
            for image in bar.track(cache, total=len(cache), description="measuring images")
        ]
    return pd.DataFrame(rows)


def measure(image: NDArray[np.uint8]) -> dict[str, float]:
    """Measure one image (H, W, 3).

    A corner is an eighth as high and as wide; a dermatoscope's round field leaves them dark.
    Sharpness is of all pixels, as it depends on their scale; the others are of every n-th pixel
    in both directions, so that at least 64 of the short side remain.
    """
    step = max(1, min(image.shape[:2]) // _COARSE)
    coarse = np.ascontiguousarray(image[::step, ::step])
    lightness, a, b = np.moveaxis(_lab(coarse), 2, 0)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return {
        "brightness": float(lightness.mean()),
        "contrast": float(lightness.std()),
        "saturation": float(np.hypot(a, b).mean()),
        "redness": float(a.mean()),
        "yellowness": float(b.mean()),
        "sharpness": float(cv2.Laplacian(grey, cv2.CV_32F).var()),
        "dark_corners": _dark_corners(lightness),
    } | dict(zip(COLOURS, _colours(coarse), strict=True))


def _lab(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIELAB of 8-bit sRGB: L* in 0 to 100, a* and b* about 0."""
    scaled = image.astype(np.float32) / np.float32(255)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), np.float32)


def _dark_corners(lightness: NDArray[np.floating]) -> float:
    height, width = (max(1, side // _CORNER) for side in lightness.shape)
    ends = [
        part[:, end]
        for part in (lightness[:height], lightness[-height:])
        for end in (slice(None, width), slice(-width, None))
    ]
    return float((np.stack(ends) < _DARK).mean())


def _colours(image: NDArray[np.uint8]) -> list[float]:
    height, width = image.shape[:2]
    middle = image[height // 4 : height - height // 4, width // 4 : width - width // 4]
    inside = middle.reshape(-1, 3).sum(axis=0, dtype=np.float64)
    around = image.reshape(-1, 3).sum(axis=0, dtype=np.float64) - inside
    pixels = middle.shape[0] * middle.shape[1]
    rest = max(1, height * width - pixels)
    return [*(inside / pixels).tolist(), *(around / rest).tolist()]
