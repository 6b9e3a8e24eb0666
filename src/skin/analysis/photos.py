"""An explained image as photographs: the image, and each heatmap over it."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skin.analysis.blocks import Photo, Tone
from skin.analysis.explain import Explained, is_of_class
from skin.analysis.map_names import map_label
from skin.analysis.overlay import overlay

_QUALITY = 85  # of WebP, at which skin keeps its texture


def image_photo(explained: Explained, side: int, *, alt: str, lines: tuple[str, ...]) -> Photo:
    """The image itself, of so many pixels a side."""
    return Photo(thumbnail(explained.pixels, side), alt, lines)


def overlay_photos(
    explained: Explained, side: int, *, of: str, verdict: str, tone: Tone = "plain"
) -> list[Photo]:
    """The image under each of its heatmaps.

    Args:
        explained: the image.
        side: of the photographs, in pixels.
        of: the run's name.
        verdict: what it decided, and what is true.
        tone: whether that is right.
    """
    photos = []
    for method, heatmap in explained.maps.items():
        what = map_label(method)
        if is_of_class(method):
            what += f" for {explained.target}"
        photos.append(
            Photo(
                _overlay_thumbnail(heatmap, explained.pixels, side),
                alt=f"{what} of {of} over {explained.image_id}; {verdict}",
                lines=(of, what if heatmap.any() else f"{what}: zero", verdict),
                tone=tone,
            )
        )
    return photos


def say_verdict(decided: tuple[str, float], true: tuple[str, float]) -> str:
    """Say the class decided and the true one, each a code and its probability."""
    (code, probability), (true_code, true_probability) = decided, true
    if code == true_code:
        return f"{code} {probability:.2f}, right"
    return f"{code} {probability:.2f}, true {true_code} {true_probability:.2f}"


def thumbnail(pixels: NDArray[np.uint8], side: int) -> bytes:
    """An image (S, S, 3) as WebP of so many pixels a side."""
    image = Image.fromarray(pixels)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.LANCZOS)
    drawn = io.BytesIO()
    image.save(drawn, "WEBP", quality=_QUALITY, method=4)
    return drawn.getvalue()


def _overlay_thumbnail(heatmap: NDArray[np.float32], pixels: NDArray[np.uint8], side: int) -> bytes:
    """A heatmap over its image, both scaled before, so that the line around it stays a line."""
    image = Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS)
    scaled = np.asarray(cv2.resize(heatmap, (side, side)), np.float32)
    return thumbnail(overlay(scaled, np.asarray(image)), side)
