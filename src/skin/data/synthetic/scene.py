"""A photograph of a lesion through a dermatoscope: skin, hair, gel, lens and camera."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from skin.data.synthetic.lesion import EXTENT, Lesion
from skin.data.synthetic.texture import Field, Rng, noise, smoothstep, strands

_SUPERSAMPLING = 2
_LESION_SHARE = 0.29
"""The radius of a lesion of size 1, as a share of the image's height."""

# How much each pigment absorbs of red, green and blue for one unit of density (Beer-Lambert).
_ABSORPTION = np.array(
    [
        [0.50, 0.92, 1.12],  # melanin
        [1.05, 0.72, 0.42],  # deep melanin: long waves are lost, short ones scatter back
        [0.10, 0.72, 0.52],  # blood
    ],
    dtype=np.float32,
)
# How often something is seen.
_DARKER_SKIN = 0.05
_HAIRY = 0.35
_FRECKLED = 0.15
_BUBBLES = 0.2
_RULER = 0.1
_ROUND_FIELD = 0.15
_OUT_OF_FOCUS = 0.3

_SKIN_WHITE = np.array([0.99, 0.93, 0.90], dtype=np.float32)
_KERATIN = np.array([0.98, 0.93, 0.87], dtype=np.float32)


@dataclass(frozen=True)
class Person:
    """The skin that a lesion lies on, the same in all its photographs.

    Attributes:
        melanin: the skin's own, from 0.05 (very fair) to 0.7 (brown).
        blood: how pink it is.
        hairs: the mean number of hairs in a photograph.
        hair_shade: their colour, RGB 0 to 1.
    """

    melanin: float
    blood: float
    hairs: float
    hair_shade: NDArray[np.float32]


def draw_person(rng: Rng) -> Person:
    """Skin as in HAM10000: mostly fair, sometimes darker, hairy in about a third."""
    tan = rng.lognormal(-1.9, 0.5) + (rng.random() < _DARKER_SKIN) * rng.uniform(0.2, 0.5)
    shade = rng.uniform(0.05, 0.35) * np.array([1.0, 0.8, 0.65])
    return Person(
        melanin=float(np.clip(tan, 0.05, 0.7)),
        blood=float(rng.uniform(0.08, 0.4)),
        hairs=float(rng.uniform(3.0, 18.0)) if rng.random() < _HAIRY else 0.0,
        hair_shade=np.asarray(shade, dtype=np.float32),
    )


class Photograph(NamedTuple):
    """A picture, and which of its pixels are the lesion.

    Attributes:
        pixels: (height, width, 3) RGB.
        mask: (height, width), true in the lesion, also below hair.
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def photograph(lesion: Lesion, person: Person, size: tuple[int, int], rng: Rng) -> Photograph:
    """Take one picture: another zoom, turn, place, light and focus each time.

    Args:
        lesion: of `draw_lesion`.
        person: whose skin it is.
        size: (width, height) in pixels.
        rng: the source of randomness.
    """
    width, height = (_SUPERSAMPLING * pixels for pixels in size)
    shape = (height, width)
    skin = _skin(person, shape, rng)
    pose = _pose(lesion.pigments.shape[0], shape, rng)
    light = _absorb(skin + _posed(lesion.pigments, pose, shape))
    light = _hair(light, person, rng)
    if rng.random() < _BUBBLES:
        light = _gel_bubbles(light, rng)
    if rng.random() < _RULER:
        light = _ruler(light, rng)
    light *= _illumination(shape, rng)[..., None]
    small = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    covered = cv2.resize(_posed(lesion.inside, pose, shape), size, interpolation=cv2.INTER_AREA)
    mask = np.asarray(covered > 0.5)  # noqa: PLR2004 - the larger part of the pixel
    return Photograph(_develop(np.asarray(small, dtype=np.float32), rng), mask)


def _pose(side: int, shape: tuple[int, int], rng: Rng) -> NDArray[np.float64]:
    """The affine map (2, 3) from a lesion's square of `side` pixels to where the camera sees it."""
    height, width = shape
    zoom = _LESION_SHARE * height * 2 * EXTENT / side * rng.lognormal(0.0, 0.16)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(0.0, 360.0), zoom)
    matrix = np.asarray(turn, dtype=np.float64)
    shift = rng.normal(0.0, 0.05 * height, 2)
    matrix[:, 2] += np.array([width, height]) / 2 - side / 2 + shift
    return matrix


def _posed(
    maps: NDArray[np.float32], pose: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Maps (S, S) or (S, S, K) of a lesion as the camera sees them, (H, W) or (H, W, K)."""
    height, width = shape
    posed = cv2.warpAffine(maps, pose, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(posed, dtype=np.float32)


def _skin(person: Person, shape: tuple[int, int], rng: Rng) -> NDArray[np.float32]:
    """Healthy skin's maps (H, W, 4): blotches, fine pores, a few freckles."""
    grain = 0.7 * noise(rng, shape, 90) + 0.5 * noise(rng, shape, 36)
    tan = person.melanin * np.clip(1.0 + 0.14 * grain + 0.12 * noise(rng, shape, 6), 0.2, 3.0)
    flush = np.clip(1.0 + 0.14 * noise(rng, shape, 12) + 0.15 * grain, 0.1, 3.0)
    if rng.random() < _FRECKLED:
        tan += 0.3 * smoothstep(noise(rng, shape, 24), 1.4, 2.6)
    zero = np.zeros(shape, dtype=np.float32)
    return np.stack([tan, zero, person.blood * flush, zero], axis=-1).astype(np.float32)


def _absorb(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """The light that comes back from pigments (H, W, 4), as RGB (H, W, 3), 0 to 1."""
    light = _SKIN_WHITE * np.exp(-cv2.transform(maps[..., :3], _ABSORPTION.T))
    scattered = 1.0 - np.exp(-maps[..., 3:])
    return np.asarray(light + scattered * (_KERATIN - light), dtype=np.float32)


def _hair(light: NDArray[np.float32], person: Person, rng: Rng) -> NDArray[np.float32]:
    shape = (light.shape[0], light.shape[1])
    count = int(rng.poisson(person.hairs))
    cover = 0.8 * strands(
        rng,
        shape,
        count=count,
        length=0.7 * shape[0],
        thickness=max(1, round(shape[0] / 240)),
        bend=0.7,
        spread=1.0,
    )
    return np.asarray(light + cover[..., None] * (person.hair_shade - light), dtype=np.float32)


def _gel_bubbles(light: NDArray[np.float32], rng: Rng) -> NDArray[np.float32]:
    """Bright rings of air in the immersion gel."""
    height, width = light.shape[:2]
    rings = np.zeros((height, width), dtype=np.uint8)
    for _ in range(rng.integers(1, 7)):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        radius = int(rng.integers(2, max(4, height // 16)))
        cv2.circle(rings, centre, radius, 200, thickness=1, lineType=cv2.LINE_AA)
    glow = cv2.GaussianBlur(rings, (0, 0), 0.8)[..., None] / np.float32(255.0)
    return np.asarray(light + 0.7 * glow * (1.0 - light), dtype=np.float32)


def _ruler(light: NDArray[np.float32], rng: Rng) -> NDArray[np.float32]:
    """Millimetre marks along the upper or the lower edge."""
    height, width = light.shape[:2]
    marks = np.zeros((height, width), dtype=np.uint8)
    pitch = rng.uniform(0.06, 0.1) * height
    base, inwards = ((0, 1), (height - 1, -1))[rng.integers(2)]
    for i, x in enumerate(np.arange(rng.uniform(0.0, pitch), width, pitch)):
        length = round((0.08 if i % 5 == 0 else 0.045) * height)
        cv2.line(marks, (int(x), base), (int(x), base + inwards * length), 180, 1, cv2.LINE_AA)
    return np.asarray(light * (1.0 - marks[..., None] / np.float32(255.0)), dtype=np.float32)


def _illumination(shape: tuple[int, int], rng: Rng) -> Field:
    """Uneven light, and the dark corners of a lens that is smaller than the picture."""
    height, width = shape
    x = (np.arange(width, dtype=np.float32) - width / 2) / height
    y = (np.arange(height, dtype=np.float32)[:, None] - height / 2) / height
    heading = rng.uniform(0.0, 2.0 * math.pi)
    slope = 1.0 + rng.uniform(0.0, 0.25) * (math.cos(heading) * x + math.sin(heading) * y)
    distance = np.hypot(x, y)
    falloff = 1.0 - rng.uniform(0.0, 0.5) * distance**2
    if rng.random() < _ROUND_FIELD:
        edge = rng.uniform(0.58, 0.78)
        falloff *= smoothstep(distance, edge + 0.06, edge - 0.02)
    return np.asarray(slope * falloff, dtype=np.float32)


def _develop(light: NDArray[np.float32], rng: Rng) -> NDArray[np.uint8]:
    """Exposure, white balance, contrast, focus, sensor noise; to 8 bits."""
    gain = rng.lognormal(0.0, 0.1) * rng.lognormal(0.0, [0.04, 0.03, 0.07])
    image = np.asarray(light * gain.astype(np.float32), dtype=np.float32)
    image **= np.float32(rng.uniform(0.9, 1.25))
    if rng.random() < _OUT_OF_FOCUS:
        cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.0), dst=image)
    image += 0.012 * rng.standard_normal(image.shape, dtype=np.float32)
    return np.asarray(np.round(np.clip(image, 0.0, 1.0) * 255.0), dtype=np.uint8)
