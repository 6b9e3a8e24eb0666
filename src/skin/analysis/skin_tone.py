"""A proxy of skin tone: the individual typology angle (ITA) of the skin around a lesion.

    ITA = arctan((L* - 50) / b*) * 180 / pi

of CIELAB under D65 (A. Chardon, I. Cretois, C. Hourseau, "Skin colour typology and suntanning
pathways", International Journal of Cosmetic Science 13:191, 1991); N. Kinyanjui et al. (2020, arXiv
1910.13268) take it of the images of ISIC and SD-198. The angle was made for a colorimeter: here
lighting, camera and white balance move it, so that it is no label of skin tone. It is for yellowish
skin, b* > 0; a picture with a bluish cast has none, where the bare arctangent would jump from very
light to dark.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.data.dataset import Dataset

FloatImage = NDArray[np.float32]

BANDS = {
    "very light": 55.0,
    "light": 41.0,
    "intermediate": 28.0,
    "tan": 10.0,
    "brown": -30.0,
    "dark": -90.0,
}
"""Each band's lower end in degrees, which belongs to the next darker one."""
CAST = "none, bluish picture"
HIDDEN = "none, too little skin"

_SIDE = 96  # pixels of the short side on which skin is looked for
_RING = 0.6  # skin is looked for beyond this share of the way from the centre to the sides
_LEAST = 0.03  # share of the picture that must be skin
_BLACK = 15.0  # L* of what lies outside a dermatoscope's field, at most
_GLARE = 240  # a reflection has all channels above it
_HAIR = 5.0  # L* by which a hair is darker than what surrounds it, at least
_BLUR = 2.0  # pixels, before the lesion is told from the skin
_MARGIN = np.ones((5, 5), np.uint8)  # about what is left out, whose border fades
_WIDTH = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))  # wider than a hair


def skin_tone(dataset: Dataset) -> pd.DataFrame:
    """Measure every image of a dataset, from its smallest cache that is large enough.

    Returns:
        A row an image, in the dataset's order: `image_id`, the medians `lightness` (L*) and
        `yellowness` (b*) of its skin, `skin` (the share of the picture that they are of), `ita`
        in degrees and `band`. NaN where there is too little skin.

    Raises:
        SkinError: the dataset has no cached images.
    """
    colours = measure(dataset.open_cache(dataset.short_side_for(_SIDE)))
    colours.insert(0, "image_id", dataset.table["image_id"].to_numpy())
    return colours


def measure(images: Iterable[NDArray[np.uint8]]) -> pd.DataFrame:
    """Measure images (H, W, 3) in RGB; see `skin_tone`."""
    rows = [_skin_colour(image) for image in images]
    colours = pd.DataFrame(rows, columns=["lightness", "yellowness", "skin"], dtype=np.float64)
    colours["ita"] = angle(colours["lightness"].to_numpy(), colours["yellowness"].to_numpy())
    colours["band"] = band(colours["ita"].to_numpy(), hidden=colours["lightness"].isna().to_numpy())
    return colours


def angle(lightness: NDArray[np.float64], yellowness: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITA in degrees, -90 to 90; NaN where b* is not above 0."""
    ita = np.degrees(np.arctan2(lightness - 50, yellowness))
    return np.where(yellowness > 0, ita, np.nan)


def band(ita: NDArray[np.float64], hidden: NDArray[np.bool_]) -> list[str]:
    """Each angle's band; where there is none, why.

    Args:
        ita: (N,) in degrees.
        hidden: (N,) whether there was too little skin to measure.
    """
    edges = sorted(BANDS.values())
    names = [*reversed(BANDS), CAST, HIDDEN]
    place = np.searchsorted(edges, ita, side="left") - 1
    place[np.isnan(ita)] = len(BANDS)
    place[hidden] = len(BANDS) + 1
    return [names[max(i, 0)] for i in place]


def skin_around(image: NDArray[np.uint8]) -> tuple[FloatImage, NDArray[np.bool_]]:
    """Find the skin of an image: CIELAB pixels (h, w, 3) on a smaller grid, and which are skin.

    Skin is what lies in the picture's outer ring and is none of these: what is outside the field of
    the dermatoscope (black, with a margin); the lesion (the darker side of Otsu's threshold on
    blurred L*, with a margin; a vignette's dark rim goes with it); reflections, with a margin;
    hairs (black top-hat of L*).

    Args:
        image: (H, W, 3) in RGB.
    """
    scale = _SIDE / min(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    unit = small.astype(np.float32) / np.float32(255)
    lab: FloatImage = np.asarray(cv2.cvtColor(unit, cv2.COLOR_RGB2LAB), np.float32)
    lightness = np.ascontiguousarray(lab[..., 0])
    outside = cv2.dilate((lightness < _BLACK).astype(np.uint8), _MARGIN) > 0
    blurred = np.asarray(cv2.GaussianBlur(lightness, (0, 0), _BLUR), np.float32)
    glare = cv2.dilate((small.min(axis=2) >= _GLARE).astype(np.uint8), _MARGIN) > 0
    lesion = cv2.dilate(_darker(blurred, ~(outside | glare)), _MARGIN) > 0
    hair = cv2.morphologyEx(lightness, cv2.MORPH_BLACKHAT, _WIDTH) > _HAIR
    return lab, _ring(size) & ~(outside | lesion | hair | glare)


def _skin_colour(image: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Median L* and b* of the skin, and the share of the picture that it takes."""
    lab, skin = skin_around(image)
    share = float(skin.mean())
    if share < _LEAST:
        return float("nan"), float("nan"), share
    lightness, yellowness = (float(np.median(lab[..., channel][skin])) for channel in (0, 2))
    return lightness, yellowness, share


def _darker(lightness: FloatImage, inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What is on the darker side of Otsu's threshold among the pixels inside: 1, others 0."""
    grey = np.clip(lightness * 2.55, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(grey[inside], 0, 255, cv2.THRESH_OTSU) if inside.any() else (0, 0)
    return np.asarray(inside & (grey <= threshold), np.uint8)


def _ring(size: tuple[int, int]) -> NDArray[np.bool_]:
    """The picture without its middle, for a width and height."""
    x, y = (np.abs(np.linspace(-1, 1, length)) for length in size)
    return np.maximum(x[None], y[:, None]) > _RING
