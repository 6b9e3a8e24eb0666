from __future__ import annotations

import numpy as np
import pytest

from skin.data.synthetic.texture import mesh, noise, smoothstep, spots, strands


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (-1.0, 0.0, 2.0, 0.0),
        (0.0, 0.0, 2.0, 0.0),
        (0.5, 0.0, 2.0, 0.15625),
        (1.0, 0.0, 2.0, 0.5),
        (3.0, 0.0, 2.0, 1.0),
        (0.5, 2.0, 0.0, 0.84375),
    ],
)
def test_smoothstep_by_hand(value: float, low: float, high: float, expected: float):
    assert smoothstep(np.float32([value]), low, high)[0] == pytest.approx(expected)


@pytest.mark.parametrize("cells", [4, 12, 40])
def test_noise_has_about_unit_deviation(cells: float):
    fields = [noise(np.random.default_rng(seed), (60, 80), cells) for seed in range(30)]
    assert fields[0].shape == (60, 80)
    assert fields[0].dtype == np.float32
    assert np.mean(fields) == pytest.approx(0.0, abs=0.2)
    assert np.std(fields) == pytest.approx(1.0, abs=0.2)


def test_spots_lie_between_inner_and_reach():
    field = spots(np.random.default_rng(0), 200, count=40, radius=2.0, reach=80.0, inner=0.7)
    y, x = np.nonzero(field > 0.2)
    distance = np.hypot(x - 100, y - 100)
    assert distance.max() < 80 + 8
    assert distance.min() > 56 - 8
    assert field.max() <= 1.0


def test_more_strands_cover_more():
    few, many = (
        strands(
            np.random.default_rng(1), (90, 120), count=n, length=50, thickness=1, bend=0.5
        ).mean()
        for n in (2, 20)
    )
    assert 0 < few < many < 1


def test_no_strand_leaves_the_field_empty():
    field = strands(np.random.default_rng(1), (9, 12), count=0, length=5, thickness=1, bend=0.5)
    assert not field.any()


@pytest.mark.parametrize("cell", [0.1, 0.2])
def test_mesh_repeats_with_its_cell(cell: float):
    axis = np.linspace(-1, 1, 256, dtype=np.float32)
    field = mesh(np.random.default_rng(0), *np.meshgrid(axis, axis), cell=cell)
    assert 0.0 <= field.min() < 0.05
    assert 0.95 < field.max() <= 1.0
    power = np.abs(np.fft.fft2(field - field.mean())) ** 2
    cycles = np.hypot(*np.meshgrid(np.fft.fftfreq(256, 2 / 255), np.fft.fftfreq(256, 2 / 255)))
    strongest = cycles.flat[power.argmax()]
    # The rows of a triangular lattice lie sqrt(3) / 2 of its spacing apart.
    assert strongest == pytest.approx(2 / (np.sqrt(3) * cell), rel=0.2)
