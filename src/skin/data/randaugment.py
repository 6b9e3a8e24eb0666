"""RandAugment for dermoscopy, of albumentations' transforms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import albumentations as A  # noqa: N812 - the name its documentation uses

MOST = 30  # the strongest magnitude


class RandAugment(A.RandomOrder):  # type: ignore[misc]  # it ships no types
    """Applies `n` operations, drawn uniformly and with replacement, at one common strength.

    After Cubuk et al. 2020 (arXiv 1909.13719). With s = `magnitude` / 30, the operations are:

    - identity
    - rotation by up to 30 s degrees
    - shear in x; shear in y: by up to 0.3 s
    - translation in x; translation in y: by up to 0.45 s of the side
    - brightness; contrast; saturation: times 1 - 0.9 s to 1 + 0.9 s
    - sharpness: the image plus up to 0.9 s of its difference from its smoothed self

    What deviates from the paper:

    - Solarise, posterise, equalise and auto-contrast are left out. They bend each channel's curve
      by itself; that turns brown into blue-grey or red, and those colours tell melanoma, regression
      or a vessel from a nevus.
    - A strength is drawn evenly between its limits, not one of the two limits.
    - Sharpness is only raised, never lowered.

    Args:
        n: how many operations an image gets.
        magnitude: 0, which leaves images as they are, to 30.
        p: how often.

    Raises:
        ValueError: `n` or `magnitude` is out of range.
    """

    def __init__(self, n: int = 2, magnitude: float = 9, p: float = 1.0) -> None:
        if not (isinstance(n, int) and n >= 1):
            raise ValueError(f"n is {n!r}, not a whole number from 1")
        if not (isinstance(magnitude, int | float) and 0 <= magnitude <= MOST):
            raise ValueError(f"magnitude is {magnitude!r}, not a number from 0 to {MOST}")
        super().__init__(_operations(magnitude / MOST), n=n, replace=True, p=p)


def _operations(strength: float) -> list[A.BasicTransform]:
    """The operations at a strength of 0 to 1."""
    around_0 = (-strength, strength)
    shear = _scaled(around_0, math.degrees(math.atan(0.3)))
    shift = _scaled(around_0, 0.45)
    factor = (1 - 0.9 * strength, 1 + 0.9 * strength)
    # Sharpen adds alpha * (8 x the pixel - its neighbours), of which a 13th is the difference from
    # the usual smoothing kernel: neighbours 1/13 each, the pixel 5/13.
    alpha = (0, 0.9 * strength / 13)
    return [
        A.NoOp(p=1),
        A.Rotate(limit=_scaled(around_0, 30), p=1),
        A.Affine(shear={"x": shear, "y": (0, 0)}, p=1),
        A.Affine(shear={"x": (0, 0), "y": shear}, p=1),
        A.Affine(translate_percent={"x": shift, "y": (0, 0)}, p=1),
        A.Affine(translate_percent={"x": (0, 0), "y": shift}, p=1),
        _jitter(brightness=factor),
        _jitter(contrast=factor),
        _jitter(saturation=factor),
        A.Sharpen(alpha=alpha, lightness=(1, 1), p=1),
    ]


def _scaled(limits: tuple[float, float], by: float) -> tuple[float, float]:
    return limits[0] * by, limits[1] * by


def _jitter(**changed: tuple[float, float]) -> A.ColorJitter:
    unchanged: Mapping[str, Any] = {
        "brightness": (1, 1),
        "contrast": (1, 1),
        "saturation": (1, 1),
        "hue": (0, 0),
    }
    return A.ColorJitter(**{**unchanged, **changed}, p=1)
