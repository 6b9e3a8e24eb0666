"""Random textures and marks that lesions and skin are drawn with: noise, spots, strands, a mesh.

Every function draws from the generator it is given and from nothing else, so that a picture
depends on its seed alone. A field is one float32 a pixel, (H, W).
"""

from __future__ import annotations

import math
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Rng: TypeAlias = np.random.Generator
Field: TypeAlias = NDArray[np.float32]

_SUBPIXEL_BITS = 4
_SMOOTHING_LOSS = 1.17
"""What cubic interpolation between independent values takes off their deviation."""
_MESH_DIRECTIONS = (0.0, math.pi / 3, 2 * math.pi / 3)


def smoothstep(values: Field, low: float, high: float) -> Field:
    """Rise from 0 at `low` to 1 at `high`, smoothly (fall, if `high` is below `low`)."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def noise(rng: Rng, shape: tuple[int, int], cells: float) -> Field:
    """Smooth noise of mean 0 and a standard deviation near 1.

    Args:
        rng: the source of randomness.
        shape: (H, W) in pixels.
        cells: how many bumps there are across the width.
    """
    height, width = shape
    columns = max(2, round(cells))
    rows = max(2, round(cells * height / width))
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    smooth = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(_SMOOTHING_LOSS * smooth, dtype=np.float32)


def spots(
    rng: Rng,
    side: int,
    *,
    count: int,
    radius: float,
    reach: float,
    inner: float = 0.0,
) -> Field:
    """Soft round spots of varied size and strength on a square, 0 to 1.

    Args:
        rng: the source of randomness.
        side: H = W in pixels.
        count: how many.
        radius: the mean radius in pixels.
        reach: how far from the centre they lie at most, in pixels.
        inner: how far from the centre they lie at least, as a share of `reach`.
    """
    canvas = np.zeros((side, side), dtype=np.uint8)
    angles = rng.uniform(0.0, 2.0 * np.pi, count)
    distances = reach * np.sqrt(rng.uniform(inner**2, 1.0, count))
    centres = side / 2 + distances[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    radii = radius * rng.lognormal(0.0, 0.3, count)
    strengths = rng.integers(140, 256, count)
    rows = zip(
        _fixed_point(centres).tolist(),
        _fixed_point(radii).tolist(),
        strengths.tolist(),
        strict=True,
    )
    for centre, spot, strength in rows:
        cv2.circle(
            canvas,
            centre,
            spot,
            strength,
            thickness=-1,
            lineType=cv2.LINE_AA,
            shift=_SUBPIXEL_BITS,
        )
    return _soften(canvas, 0.35 * radius)


def strands(
    rng: Rng,
    shape: tuple[int, int],
    *,
    count: int,
    length: float,
    thickness: int,
    bend: float,
    branches: int = 0,
    spread: float = 0.5,
) -> Field:
    """Thin curved lines, 0 to 1: hairs, or vessels that branch.

    Each line starts anywhere on the canvas and turns at random as it goes; each branch leaves
    its trunk at a random point and is half as long.

    Args:
        rng: the source of randomness.
        shape: (H, W) in pixels.
        count: how many trunks.
        length: the mean length in pixels.
        thickness: a trunk's, in whole pixels.
        bend: the standard deviation of the whole turn along a trunk, in radians.
        branches: how many leave each trunk.
        spread: where the trunks' middles lie, as a share of the canvas.
    """
    canvas = np.zeros(shape, dtype=np.uint8)
    size = np.array(shape[::-1], dtype=np.float64)
    for _ in range(count):
        middle = size / 2 + spread * size * rng.uniform(-0.5, 0.5, 2)
        heading = rng.uniform(0.0, 2.0 * np.pi)
        reach = length * rng.lognormal(0.0, 0.3)
        start = middle - 0.5 * reach * np.array([np.cos(heading), np.sin(heading)])
        trunk = _walk(rng, start, heading, reach, bend)
        _draw_line(canvas, trunk, thickness)
        for _ in range(branches):
            root = trunk[rng.integers(2, len(trunk))]
            side = heading + rng.choice([-1.0, 1.0]) * rng.uniform(0.4, 1.0)
            _draw_line(canvas, _walk(rng, root, side, reach / 2, 1.5 * bend), max(1, thickness - 1))
    return np.asarray(canvas / np.float32(255.0), dtype=np.float32)


def mesh(rng: Rng, x: Field, y: Field, cell: float) -> Field:
    """A pigment network: dark lines (1) round pale holes (0) on a warped honeycomb.

    Three plane waves 60 degrees apart add up to bumps on a triangular lattice; the holes are the
    bumps and the lines lie between them.

    Args:
        rng: the source of randomness.
        x: each pixel's coordinate, in any unit.
        y: the same downwards.
        cell: the distance between holes in that unit.
    """
    shape = (x.shape[0], x.shape[1])
    bumps = float(np.ptp(x)) / (3.0 * cell)
    u = x + 0.3 * cell * noise(rng, shape, bumps)
    v = y + 0.3 * cell * noise(rng, shape, bumps)
    frequency = 4.0 * math.pi / (math.sqrt(3.0) * cell)
    turn = rng.uniform(0.0, math.pi)
    shift = rng.uniform(0.0, 2.0 * math.pi, 2).tolist()
    # The third phase follows from the other two, or the lattice would not be a honeycomb.
    phases = (shift[0], shift[0] + shift[1], shift[1])
    waves = sum(
        np.cos(frequency * (u * math.cos(angle + turn) + v * math.sin(angle + turn)) + phase)
        for angle, phase in zip(_MESH_DIRECTIONS, phases, strict=True)
    )
    return smoothstep(np.asarray(waves, dtype=np.float32), 1.0, -1.0)


def _fixed_point(values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Pixels as the fixed-point integers that give OpenCV sub-pixel positions."""
    return np.round(values * (1 << _SUBPIXEL_BITS)).astype(np.int32)


def _soften(canvas: NDArray[np.uint8], sigma: float) -> Field:
    blurred = cv2.GaussianBlur(canvas, (0, 0), max(sigma, 0.3))
    return np.asarray(blurred / np.float32(255.0), dtype=np.float32)


def _walk(
    rng: Rng, start: NDArray[np.float64], heading: float, length: float, bend: float
) -> NDArray[np.float64]:
    """Points (N, 2) of a path that turns at random as it goes."""
    steps = 12
    turns = rng.normal(0.0, bend / np.sqrt(steps), steps).cumsum()
    directions = np.stack([np.cos(heading + turns), np.sin(heading + turns)], axis=1)
    path = np.cumsum(directions * (length / steps), axis=0)
    return np.asarray(start + np.concatenate([np.zeros((1, 2)), path]))


def _draw_line(canvas: NDArray[np.uint8], points: NDArray[np.float64], thickness: int) -> None:
    cv2.polylines(
        canvas,
        [_fixed_point(points)],
        isClosed=False,
        color=255,
        thickness=thickness,
        lineType=cv2.LINE_AA,
        shift=_SUBPIXEL_BITS,
    )
