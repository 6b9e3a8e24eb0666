"""A lesion as maps of its pigments, drawn once and photographed several times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from skin.data.synthetic.texture import Field, Rng, mesh, noise, smoothstep, spots, strands
from skin.data.synthetic.traits import Traits

EXTENT = 1.9
"""A map reaches this far from its centre, in units of a lesion of size 1."""

_HARMONICS = np.arange(2, 10)
_DIRECTIONS = 720
_FAINT = 0.05
"""A structure weaker than this would not be seen, and is not drawn."""


class Lesion(NamedTuple):
    """A drawn lesion: what it is made of, and where it ends.

    Attributes:
        pigments: (S, S, 4): melanin, deep melanin, blood, white (see `Pigments`), 0 on healthy
            skin.
        inside: (S, S), 1 within its border and 0 without, where an expert would draw the outline:
            redness and single dots around it lie outside.
    """

    pigments: NDArray[np.float32]
    inside: Field


@dataclass
class Pigments:
    """Four square maps (S, S): the optical densities of three pigments, and scatter.

    Attributes:
        melanin: near the surface, brown.
        deep: melanin in the dermis, seen blue-grey.
        blood: red.
        white: keratin and scar, which scatter light back before it is coloured.
    """

    melanin: Field
    deep: Field
    blood: Field
    white: Field

    def stacked(self) -> NDArray[np.float32]:
        """The maps as one array (S, S, 4)."""
        maps = np.stack([self.melanin, self.deep, self.blood, self.white], axis=-1)
        return np.asarray(np.maximum(maps, 0.0), dtype=np.float32)


@dataclass(frozen=True)
class _Place:
    """Where on a lesion each pixel lies.

    Attributes:
        x: to the right, in units of a lesion of size 1, (S, S).
        y: downwards.
        depth: from the border inwards as a share of the radius: 1 at the centre, 0 at the border.
        inside: 1 within, 0 without, with the border's fading between.
        reach: the mean radius in pixels.
    """

    x: Field
    y: Field
    depth: Field
    inside: Field
    reach: float

    @property
    def side(self) -> int:
        return int(self.x.shape[0])


def draw_lesion(traits: Traits, side: int, rng: Rng) -> Lesion:
    """Draw a lesion's pigment maps and its outline.

    Args:
        traits: how it looks.
        side: S in pixels.
        rng: the source of randomness.
    """
    place = _outline(traits, side, rng)
    pigments = _ground(traits, place, rng)
    _add_melanocytic(pigments, traits, place, rng)
    _add_keratotic(pigments, traits, place, rng)
    _add_vascular(pigments, traits, place, rng)
    # A lesion too large for its map fades out instead of being cut at the map's edge.
    within = smoothstep(np.hypot(place.x, place.y), 0.98 * EXTENT, 0.85 * EXTENT)
    inside = (place.depth > 0) & (within > 0.5)  # noqa: PLR2004 - half faded out
    return Lesion(pigments.stacked() * within[..., None], inside.astype(np.float32))


def _outline(traits: Traits, side: int, rng: Rng) -> _Place:
    """An ellipse whose radius is disturbed by Fourier harmonics, and its border by noise."""
    axis = np.linspace(-EXTENT, EXTENT, side, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    elongation = rng.uniform(1.0, 1.2 + traits.irregularity)
    distance = np.hypot(x / elongation, y * elongation)
    size = float(np.clip(traits.size, 0.3, 0.75 * EXTENT))
    radius = size * _lobes(traits.irregularity, rng)[_angle_index(x, y)]
    ragged = noise(rng, (side, side), 12) + 0.6 * noise(rng, (side, side), 32)
    depth = np.asarray(
        1.0 - distance / radius + 0.25 * traits.irregularity * ragged, dtype=np.float32
    )
    half = max(traits.softness, 0.06) / 2
    return _Place(x, y, depth, smoothstep(depth, -half, half), size * side / (2 * EXTENT))


def _lobes(irregularity: float, rng: Rng) -> Field:
    """A closed outline: the radius, about 1, in each of `_DIRECTIONS` directions."""
    angles = np.linspace(-np.pi, np.pi, _DIRECTIONS, endpoint=False)
    # Amplitudes fall as 1/k: broad lobes are large, notches are small.
    amplitudes = irregularity * rng.normal(0.0, 1.3, len(_HARMONICS)) / _HARMONICS
    phases = rng.uniform(0.0, 2.0 * np.pi, len(_HARMONICS))
    waves = amplitudes[:, None] * np.cos(_HARMONICS[:, None] * angles + phases[:, None])
    return np.asarray(np.clip(1.0 + waves.sum(axis=0), 0.4, 1.6), dtype=np.float32)


def _angle_index(x: Field, y: Field) -> NDArray[np.int32]:
    """Which of `_DIRECTIONS` directions each pixel lies in, seen from the centre."""
    turns = cv2.phase(x, y) / np.float32(2.0 * np.pi)
    return np.asarray(turns * _DIRECTIONS, dtype=np.int32) % _DIRECTIONS


def _ground(traits: Traits, place: _Place, rng: Rng) -> Pigments:
    """The colours before any structure: uneven, patchy, perhaps veiled."""
    shape = (place.side, place.side)
    heading = rng.uniform(0.0, 2.0 * math.pi)
    across = (math.cos(heading) * place.x + math.sin(heading) * place.y) / traits.size
    uneven = 1.0 + traits.asymmetry * (0.5 * across + 0.5 * noise(rng, shape, 5))
    patchy = 1.0 + traits.mottling * (0.65 * noise(rng, shape, 9) + 0.4 * noise(rng, shape, 24))
    denser = 0.7 + 0.45 * smoothstep(place.depth, 0.0, 0.8)
    amount = place.inside * denser * np.clip(uneven * patchy, 0.15, 2.2)
    veil = smoothstep(noise(rng, shape, 4), -0.15, 0.8) * smoothstep(place.depth, 0.05, 0.4)
    flush = np.clip(1.0 + 0.5 * noise(rng, shape, 7), 0.2, 2.0)
    # Redness spreads past the border into the skin around it.
    around = smoothstep(place.depth, -0.5, 0.2)
    return Pigments(
        melanin=np.asarray(traits.melanin * amount, dtype=np.float32),
        deep=traits.veil * veil * place.inside,
        blood=traits.blood * flush * (0.75 * place.inside + 0.25 * around),
        white=np.zeros(shape, dtype=np.float32),
    )


def _add_melanocytic(pigments: Pigments, traits: Traits, place: _Place, rng: Rng) -> None:
    """Network, globules, dots: brown structures of melanocytes."""
    side, reach = place.side, place.reach
    if traits.network > _FAINT:
        lines = mesh(rng, place.x, place.y, cell=rng.uniform(0.1, 0.16))
        clear = np.clip(0.8 + 0.75 * noise(rng, (side, side), 5), 0.0, 1.0)
        pigments.melanin *= 1.0 + min(traits.network, 1.3) * clear * (0.9 * lines - 0.5)
    if traits.globules > _FAINT:
        clods = spots(rng, side, count=35, radius=0.05 * reach, reach=0.9 * reach)
        pigments.melanin += 0.8 * traits.globules * clods * place.inside
    if traits.dots > _FAINT:
        dots = spots(rng, side, count=30, radius=0.025 * reach, reach=1.05 * reach, inner=0.6)
        pigments.melanin += 1.8 * traits.dots * dots * smoothstep(place.depth, -0.2, 0.0)


def _add_keratotic(pigments: Pigments, traits: Traits, place: _Place, rng: Rng) -> None:
    """Scar, cysts, plugs and scales: structures of collagen and keratin."""
    side, reach = place.side, place.reach
    if traits.scar > _FAINT:
        streaks = np.clip(0.8 + 0.4 * noise(rng, (side, side), 30), 0.2, 1.4)
        scar = traits.scar * smoothstep(place.depth, 0.3, 0.75) * streaks
        pigments.melanin *= 1.0 - np.minimum(0.9 * scar, 0.95)
        pigments.white += 0.55 * scar
    if traits.cysts > _FAINT:
        cysts = spots(rng, side, count=9, radius=0.035 * reach, reach=0.8 * reach) * place.inside
        pigments.melanin *= 1.0 - np.minimum(traits.cysts * cysts, 0.95)
        pigments.white += 0.9 * traits.cysts * cysts
    if traits.plugs > _FAINT:
        plugs = spots(rng, side, count=10, radius=0.055 * reach, reach=0.8 * reach)
        pigments.melanin += 1.5 * traits.plugs * plugs * place.inside
    if traits.scales > _FAINT:
        rough = noise(rng, (side, side), 26) + noise(rng, (side, side), 9)
        flakes = smoothstep(rough, 1.0, 2.0) * smoothstep(place.depth, -0.1, 0.3)
        pigments.white += 0.9 * traits.scales * flakes


def _add_vascular(pigments: Pigments, traits: Traits, place: _Place, rng: Rng) -> None:
    """Vessels, the blue-grey nests that lie among them, and lacunae."""
    side, reach = place.side, place.reach
    if traits.vessels > _FAINT:
        tree = strands(
            rng,
            (side, side),
            count=5,
            length=0.9 * reach,
            thickness=max(1, round(side / 160)),
            bend=0.9,
            branches=3,
            spread=min(0.9, 1.6 * reach / side),
        )
        pigments.blood += 1.2 * traits.vessels * tree * smoothstep(place.depth, -0.15, 0.1)
    if traits.nests > _FAINT:
        nests = spots(rng, side, count=8, radius=0.11 * reach, reach=0.8 * reach)
        pigments.deep += traits.nests * nests * place.inside
    if traits.lacunae > _FAINT:
        clods = spots(rng, side, count=14, radius=0.19 * reach, reach=0.8 * reach) * place.inside
        thrombosed = smoothstep(noise(rng, (side, side), 4), 0.1, 0.7)
        pigments.blood += 1.3 * traits.lacunae * clods
        pigments.deep += 1.4 * traits.lacunae * clods * thrombosed
