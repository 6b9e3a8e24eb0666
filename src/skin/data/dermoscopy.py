"""Transforms of what a dermatoscope shows beside the lesion: hair, the round field, the light.

They stand in a config beside albumentations' own. Each takes and gives uint8 RGB (H, W, 3) and
draws from the generators that the pipeline hands down, as albumentations' transforms do.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Annotated, Any

import albumentations as A  # noqa: N812 - the name its documentation uses
import cv2
import numpy as np
from albumentations.core.pydantic import check_range_bounds, nondecreasing
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

Image = NDArray[np.uint8]
Level = Annotated[int, Field(ge=0, le=255)]
Colour = tuple[Level, Level, Level]

# Hairs are drawn on a finer grid and averaged, as OpenCV's lines come in few widths.
_FINER = 4
_CURVE = np.linspace(0.0, 1.0, 24)[:, None]
_SPREAD = 0.5  # radians; the hairs of one place grow in similar directions


def _range(low: float, high: float | None = None) -> tuple[AfterValidator, AfterValidator]:
    return AfterValidator(check_range_bounds(low, high)), AfterValidator(nondecreasing)


class Hair(A.ImageOnlyTransform):  # type: ignore[misc]  # it ships no types
    """Draws dark, slightly bent hairs of one colour and similar directions.

    A hair is a quadratic Bezier curve about a point of the image. Place it after the crop, so that
    they are as thick in each image.

    Args:
        count: the least and the most hairs of an image.
        thickness: their range, in thousandths of the shorter side. A terminal hair of some
            70 um is 6 to 8 in a field of 9 to 12 mm.
        length: their range of lengths, in shares of the shorter side.
        colour: the darkest and the lightest RGB; an image's hairs get one between the two.
        opacity: their range of opacities; hair under the contact fluid lets the skin through.
        p: how often.
    """

    class InitSchema(A.ImageOnlyTransform.InitSchema):  # type: ignore[misc]  # as above
        """The ranges that are accepted."""

        count: Annotated[tuple[int, int], *_range(0)]
        thickness: Annotated[tuple[float, float], *_range(0)]
        length: Annotated[tuple[float, float], *_range(0)]
        colour: tuple[Colour, Colour]
        opacity: Annotated[tuple[float, float], *_range(0, 1)]

    def __init__(
        self,
        *,
        count: tuple[int, int] = (1, 12),
        thickness: tuple[float, float] = (3.0, 9.0),
        length: tuple[float, float] = (0.3, 1.2),
        colour: tuple[Colour, Colour] = ((20, 12, 10), (110, 72, 50)),
        opacity: tuple[float, float] = (0.4, 0.9),
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.count = count
        self.thickness = thickness
        self.length = length
        self.colour = colour
        self.opacity = opacity

    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        """Draw the hairs of one image."""
        del data
        draw = self.random_generator
        height, width = params["shape"][:2]
        side = min(height, width)
        count = int(draw.integers(self.count[0], self.count[1] + 1))
        directions = draw.uniform(0, math.pi) + draw.normal(0, _SPREAD, count)
        middles = draw.uniform((0, 0), (width, height), (count, 2))
        lengths = draw.uniform(*self.length, count) * side
        bends = draw.uniform(-0.3, 0.3, count)
        dark, light = np.array(self.colour, float)
        return {
            "curves": _bezier(middles, directions, lengths, bends),
            "widths": draw.uniform(*self.thickness, count) * side / 1000,
            "colour": dark + draw.uniform() * (light - dark),
            "opacities": draw.uniform(*self.opacity, count),
        }

    def apply(
        self,
        img: Image,
        curves: NDArray[np.float64],
        widths: NDArray[np.float64],
        colour: NDArray[np.float64],
        opacities: NDArray[np.float64],
        **_: Any,  # noqa: ANN401 - albumentations passes what it likes
    ) -> Image:
        """Lay the hairs over `img` (H, W, 3)."""
        cover = coverage(img.shape[:2], curves, widths, opacities)
        at = np.flatnonzero(cover)
        alpha = cover.ravel()[at, None]
        result = img.copy()
        pixels = result.reshape(-1, 3)
        pixels[at] = np.rint(pixels[at] * (1 - alpha) + colour * alpha)
        return result


def coverage(
    shape: tuple[int, int],
    curves: NDArray[np.float64],
    widths: NDArray[np.float64],
    opacities: NDArray[np.float64],
) -> NDArray[np.float32]:
    """How much of each pixel (H, W) the curves cover, in 0 to 1; where two cross, the later one.

    Args:
        shape: (H, W).
        curves: (N, K, 2) points as x, y in pixels.
        widths: (N,) in pixels.
        opacities: (N,) what a wholly covered pixel counts.
    """
    fine = np.zeros((shape[0] * _FINER, shape[1] * _FINER), np.uint8)
    points = np.rint(curves * _FINER).astype(np.int32)
    for curve, width, opacity in zip(points, widths.tolist(), opacities.tolist(), strict=True):
        thickness, drawn = _line_of(max(1, math.ceil(width * _FINER)))
        level = 255 * opacity * min(1, width * _FINER / drawn)
        cv2.polylines(fine, [curve], False, level, thickness, cv2.LINE_AA)
    cover = cv2.resize(fine, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(cover, np.float32) / np.float32(255)


@cache
def _line_of(width: int) -> tuple[int, float]:
    """OpenCV's thinnest line that is at least so wide: its thickness, and its true width.

    That is measured, since lines are wider than their thickness says, and by how much differs
    between versions.
    """
    canvas = np.zeros((width + 16, 32), np.uint8)
    for thickness in range(1, width + 1):
        cv2.line(canvas, (0, width // 2 + 8), (31, width // 2 + 8), 255, thickness, cv2.LINE_AA)
        drawn = float(canvas[:, 16].sum()) / 255
        if drawn >= width:
            break
    return thickness, drawn


def _bezier(
    middles: NDArray[np.float64],
    directions: NDArray[np.float64],
    lengths: NDArray[np.float64],
    bends: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Curves (N, K, 2) through N chords; `bends` moves the middle aside, in shares of the chord."""
    along = np.stack([np.cos(directions), np.sin(directions)], 1) * lengths[:, None]
    aside = np.stack([-along[:, 1], along[:, 0]], 1) * bends[:, None]
    start, control, end = (
        p[:, None] for p in (middles - along / 2, middles + aside, middles + along / 2)
    )
    curves: NDArray[np.float64] = (
        (1 - _CURVE) ** 2 * start + 2 * _CURVE * (1 - _CURVE) * control + _CURVE**2 * end
    )
    return curves


class Microscope(A.ImageOnlyTransform):  # type: ignore[misc]  # it ships no types
    """Darkens what lies outside a dermatoscope's round field.

    Lengths are shares of half the shorter side: a circle of radius 1 touches the sides, and one
    of more than sqrt(2) + `shift` leaves a square image as it is. Place it after the crop.

    Args:
        radius: the range of radii; black from there on.
        edge: the range of the rim's widths, from full brightness inwards to black: narrow is a
            microscope's frame, wide a vignette.
        shift: how far the centre may lie from the image's, in x and in y.
        p: how often.
    """

    class InitSchema(A.ImageOnlyTransform.InitSchema):  # type: ignore[misc]  # as above
        """The ranges that are accepted."""

        radius: Annotated[tuple[float, float], *_range(0.1)]
        edge: Annotated[tuple[float, float], *_range(0.001)]
        shift: float = Field(ge=0)

    def __init__(
        self,
        radius: tuple[float, float] = (0.95, 1.35),
        edge: tuple[float, float] = (0.02, 0.3),
        shift: float = 0.1,
        p: float = 0.5,
    ) -> None:
        super().__init__(p=p)
        self.radius = radius
        self.edge = edge
        self.shift = shift

    def get_params(self) -> dict[str, Any]:
        """Draw one field."""
        draw = self.py_random
        return {
            "radius": draw.uniform(*self.radius),
            "edge": draw.uniform(*self.edge),
            "centre": tuple(draw.uniform(-self.shift, self.shift) for _ in range(2)),
        }

    def apply(
        self,
        img: Image,
        radius: float,
        edge: float,
        centre: tuple[float, float],
        **_: Any,  # noqa: ANN401 - albumentations passes what it likes
    ) -> Image:
        """Darken `img` (H, W, 3) outside the circle."""
        y, x = (_from_centre(n, min(img.shape[:2])) for n in img.shape[:2])
        distance = np.hypot((y - centre[1])[:, None], (x - centre[0])[None])
        inwards = np.clip((radius - distance) / edge, 0, 1)
        brightness = inwards * inwards * (3 - 2 * inwards)  # a smooth step
        return np.asarray(cv2.multiply(img, cv2.merge([brightness] * 3), dtype=cv2.CV_8U))


def _from_centre(pixels: int, side: int) -> NDArray[np.float32]:
    """The pixels' distances from the middle, signed, in halves of `side`."""
    return ((np.arange(pixels, dtype=np.float32) + 0.5) * 2 - pixels) / np.float32(side)


class ShadesOfGray(A.ImageOnlyTransform):  # type: ignore[misc]  # it ships no types
    """Colour constancy: divides the light's colour out, so that a grey surface looks grey.

    The light is the Minkowski mean of each channel c over the N pixels (Finlayson & Trezzi,
    "Shades of Gray and Colour Constancy", CIC 2004); each channel is then scaled (von Kries):

        e_c = (sum_i I_ic^norm / N)^(1 / norm)
        I'_ic = I_ic * sqrt((e_R^2 + e_G^2 + e_B^2) / 3) / e_c

    `norm` 1 is Gray World, infinity max-RGB. Barata, Celebi & Marques ("Improving dermoscopy image
    classification using color constancy", JBHI 2015) use it for dermoscopy. The stored values are
    taken as they are, without undoing their gamma; results are rounded, and cut at 255.

    It draws nothing and so may stand in `evaluate` as well, where it belongs if it stands in
    `train`. A channel that is 0 in every pixel tells nothing of the light: it stays 0, and the
    mean over channels is taken over the others. A black image stays black.

    Args:
        norm: the exponent.
        p: how often; unlike in other transforms, always by default.
    """

    class InitSchema(A.ImageOnlyTransform.InitSchema):  # type: ignore[misc]  # as above
        """The range that is accepted: (1/255)^30 is still far from a float's end."""

        norm: float = Field(ge=1, le=30)

    def __init__(self, norm: float = 6.0, p: float = 1.0) -> None:
        super().__init__(p=p)
        self.norm = norm

    def apply(self, img: Image, **_: Any) -> Image:  # noqa: ANN401 - as above
        """Take the light's colour out of `img` (H, W, 3)."""
        light = self._light(img)
        lit = light > 0
        if not lit.any():
            return img
        gain = np.where(lit, np.sqrt(np.mean(light[lit] ** 2)) / np.where(lit, light, 1), 1)
        table = np.clip(np.rint(np.arange(256)[:, None] * gain), 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(img, table[None]))

    def _light(self, img: Image) -> NDArray[np.float64]:
        """The Minkowski mean of each channel (3,), in 0 to 1; from histograms, as it is quicker."""
        counts = [cv2.calcHist([img], [c], None, [256], [0, 256]).ravel() for c in range(3)]
        powers = np.linspace(0, 1, 256) ** self.norm
        mean: NDArray[np.float64] = np.stack(counts) @ powers / (img.shape[0] * img.shape[1])
        return mean ** (1 / self.norm)
