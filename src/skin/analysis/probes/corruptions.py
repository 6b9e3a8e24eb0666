"""Photographs as they go wrong: the corruptions that `severities` lists, made.

In the spirit of ImageNet-C (Hendrycks & Dietterich 2019, arXiv 1903.12261), and unlike it:

- The kinds are those of dermoscopy: hair, the light's strength, how the dermatoscope was turned
  and how far it was from the skin. ImageNet-C's weather, motion blur and elastic warps are left
  out.
- Lengths are shares of the image's side, light is in stops of exposure and noise is of a pixel at
  224 pixels a side, so that a severity is the same photograph for models of any input size. JPEG's
  blocks are 8 pixels of the model's input and so are the exception.
- Severities are milder, from what a clinic hardly notices to what it would take again.
- An image's draws (where hairs lie, which way it is turned, the noise) are the same at each
  severity, which changes their strength alone: curves over severity are not blurred by luck.

They apply to uint8 RGB images as the model is evaluated on them, after its pipeline.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from skin.analysis.probes.severities import CORRUPTIONS, NOISE_SIDE
from skin.data.dermoscopy import Hair
from skin.randomness import image_generators

Image = NDArray[np.uint8]
Apply = Callable[[Image, float, np.random.Generator], Image]
"""Makes an image (S, S, 3) of a level from a clean one, with the image's draws."""

_GAMMA = 2.2  # of stored values, as of sRGB nearly
_WHITE = 255
_FINER = 16  # points of a disc along a pixel, about


def corrupt(name: str, severity: int, image: Image, image_id: str, seed: int) -> Image:
    """Corrupt an image; severity 0 gives it as it is.

    Args:
        name: of `CORRUPTIONS`.
        severity: 0 to 5.
        image: (S, S, 3), which is left alone.
        image_id: with the seed and the corruption's name the key of what is drawn.
        seed: of the probe.

    Returns:
        (S, S, 3).
    """
    if severity == 0:
        return image
    keys = (zlib.crc32(text.encode()) for text in (name, image_id))
    draw, _ = image_generators(seed, *keys)
    return _APPLY[name](image, CORRUPTIONS[name].levels[severity - 1], draw)


def _defocus(image: Image, radius: float, draw: np.random.Generator) -> Image:
    """Spread each point over a disc, as a lens out of focus does.

    The image between its pixels is bilinear, so that a radius below a pixel blurs too.
    """
    del draw
    pixels = radius * min(image.shape[:2])
    half = math.ceil(pixels) + 1
    across = np.linspace(-pixels, pixels, _FINER * half)
    disc = np.hypot(across[:, None], across) <= pixels
    shares = np.clip(1 - np.abs(np.arange(-half, half + 1)[:, None] - across), 0, 1)
    kernel = shares @ disc @ shares.T
    return np.asarray(
        cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101), np.uint8
    )


def _noise(image: Image, deviation: float, draw: np.random.Generator) -> Image:
    """Add Gaussian noise; a larger pixel, of an image of fewer, has gathered more light."""
    scale = _WHITE * deviation * min(image.shape[:2]) / NOISE_SIDE
    noise = draw.standard_normal(image.shape, np.float32)
    return _stored(image + np.float32(scale) * noise)


def _exposure(image: Image, stops: float, draw: np.random.Generator) -> Image:
    """Multiply the light by 2^stops; what is brighter than white is lost."""
    del draw
    table = _stored(np.arange(_WHITE + 1) * 2 ** (stops / _GAMMA))
    return np.asarray(cv2.LUT(image, table), np.uint8)


def _contrast(image: Image, kept: float, draw: np.random.Generator) -> Image:
    """Draw each channel's values towards their mean."""
    del draw
    mean = image.mean(axis=(0, 1))
    return _stored(mean + kept * (image - mean))


def _jpeg(image: Image, quality: float, draw: np.random.Generator) -> Image:
    """Store and load as JPEG of that quality, its colours at half the resolution."""
    del draw
    _, encoded = cv2.imencode(
        ".jpg",
        cv2.cvtColor(image, cv2.COLOR_RGB2BGR),
        [
            cv2.IMWRITE_JPEG_QUALITY,
            int(quality),
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
        ],
    )
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _hair(image: Image, count: float, draw: np.random.Generator) -> Image:
    """Lay `count` hairs over it, each severity's among those of the next."""
    most = int(CORRUPTIONS["hair"].levels[-1])
    hair = Hair(count=(most, most), p=1.0)
    hair.set_random_state(draw, hair.py_random)
    hairs = hair.get_params_dependent_on_data({"shape": image.shape}, {})
    first = {key: hairs[key][: int(count)] for key in ("curves", "widths", "opacities")}
    return np.asarray(hair.apply(image, colour=hairs["colour"], **first), np.uint8)


def _rotation(image: Image, degrees: float, draw: np.random.Generator) -> Image:
    """Turn it, to the left or to the right; the corners are filled by reflection."""
    return _moved(image, degrees * draw.choice((-1, 1)), 1.0)


def _zoom(image: Image, factor: float, draw: np.random.Generator) -> Image:
    """Enlarge about the middle; what gets in at the sides is filled by reflection."""
    del draw
    return _moved(image, 0.0, factor)


def _moved(image: Image, degrees: float, factor: float) -> Image:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, factor)
    moved = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(moved, np.uint8)


def _stored(values: NDArray[np.floating]) -> Image:
    stored: Image = np.clip(np.rint(values), 0, _WHITE).astype(np.uint8)
    return stored


_APPLY: Final[Mapping[str, Apply]] = MappingProxyType(
    {
        "defocus": _defocus,
        "noise": _noise,
        "brighter": _exposure,
        "darker": _exposure,
        "contrast": _contrast,
        "jpeg": _jpeg,
        "hair": _hair,
        "rotation": _rotation,
        "zoom_in": _zoom,
        "zoom_out": _zoom,
    }
)
