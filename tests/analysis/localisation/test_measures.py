from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skin.analysis.localisation.measures import (
    centred_gaussian,
    cross_fitted,
    energy,
    lesion_area,
    mass,
    maxima,
    overlap,
    pointing,
)
from skin.analysis.localisation.settings import PARTS, THRESHOLDS

# The lesion is the four pixels in the middle of 4x4.
MIDDLE = np.pad(np.ones((2, 2), bool), 1)[None]
MAP = np.array([[[0, 0, 0, 4], [0, 10, 2, 0], [0, 2, 2, 0], [0, 0, 0, 0]]], np.float64)
UNIFORM = np.full((1, 4, 4), 0.3)
EMPTY = np.zeros((1, 4, 4))
PERFECT = MIDDLE * 5.0


def random_case(seed, shape=(3, 6, 6)):
    rng = np.random.default_rng(seed)
    masks = rng.random(shape) < rng.random()
    return rng.random(shape) ** 3, masks


def test_energy_by_hand():
    # 16 of 20 lie inside.
    assert energy(MAP, MIDDLE).tolist() == [0.8]
    assert energy(MAP, ~MIDDLE).tolist() == [0.2]


def test_pointing_by_hand():
    assert pointing(MAP, MIDDLE).tolist() == [1]
    assert pointing(MAP, ~MIDDLE).tolist() == [0]


def test_ties_in_the_maximum_count_by_share():
    tied = MAP.copy()
    tied[0, 0, 3] = tied[0, 0, 0] = 10
    assert pointing(tied, MIDDLE) == pytest.approx([1 / 3])


def test_a_mean_mask_gives_the_mean_over_its_masks():
    # Of 20 the mass is 16 inside and 4 outside; the maximum is inside.
    mean = 0.75 * MIDDLE + 0.25 * ~MIDDLE
    assert energy(MAP, mean) == pytest.approx([0.75 * 0.8 + 0.25 * 0.2])
    assert pointing(MAP, mean) == pytest.approx([0.75])


@given(st.integers(0, 2**32 - 1))
def test_mass_and_maxima_in_a_mask_are_energy_and_pointing(seed):
    maps, masks = random_case(seed)
    maps[0] = 0
    np.testing.assert_allclose((mass(maps) * masks).sum(axis=(1, 2)), energy(maps, masks))
    np.testing.assert_allclose((maxima(maps) * masks).sum(axis=(1, 2)), pointing(maps, masks))


def test_overlap_by_hand():
    ious = dict(zip(THRESHOLDS, overlap(MAP, MIDDLE)[0].tolist(), strict=True))
    assert ious[0.0] == 4 / 16  # the whole image
    assert ious[0.2] == 4 / 5  # the lesion and the corner, which reaches 0.4
    assert ious[0.4] == 1 / 5  # one pixel of the lesion, and the corner
    assert ious[0.5] == 1 / 4
    assert ious[0.95] == 1 / 4


def test_a_perfect_map_scores_1():
    assert energy(PERFECT, MIDDLE).tolist() == [1]
    assert pointing(PERFECT, MIDDLE).tolist() == [1]
    assert (overlap(PERFECT, MIDDLE)[0, 1:] == 1).all()


@pytest.mark.parametrize("maps", [UNIFORM, EMPTY], ids=["uniform", "empty"])
def test_a_map_that_points_nowhere_is_at_chance_exactly(maps):
    assert lesion_area(MIDDLE).tolist() == [0.25]
    assert energy(maps, MIDDLE).tolist() == [0.25]
    assert pointing(maps, MIDDLE).tolist() == [0.25]
    assert (overlap(maps, MIDDLE) == 0.25).all()


def test_an_image_of_a_batch_scores_as_alone():
    maps = np.concatenate([MAP, EMPTY, PERFECT])
    masks = np.concatenate([MIDDLE, ~MIDDLE, MIDDLE])
    for measure in (energy, pointing, overlap):
        alone = [measure(maps[i : i + 1], masks[i : i + 1])[0] for i in range(3)]
        np.testing.assert_array_equal(measure(maps, masks), np.stack(alone))


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_shares_lie_between_0_and_1_and_know_no_scale(seed, scale):
    maps, masks = random_case(seed)
    assume(masks.any(axis=(1, 2)).all())
    for measure in (energy, pointing, overlap):
        values = measure(maps, masks)
        assert ((values >= 0) & (values <= 1)).all()
    np.testing.assert_allclose(energy(maps * scale, masks), energy(maps, masks))
    np.testing.assert_allclose(energy(maps, masks) + energy(maps, ~masks), 1)
    np.testing.assert_allclose(pointing(maps, masks) + pointing(maps, ~masks), 1)


def test_a_threshold_is_chosen_on_other_lesions():
    """Ten lesions of two images whose best threshold is the first; but for one, the second."""
    lesions = np.repeat([f"L{i}" for i in range(10)], 2)
    ious = np.tile([0.6, 0.1, *[0.0] * 18], (20, 1))
    ious[:2, :2] = [0.0, 0.9]

    values, thresholds = cross_fitted(ious, lesions, seed=0)

    # Its own lesion's preference does not help it: it gets what is best for the others.
    assert values.tolist() == [0.0] * 2 + [0.6] * 18
    assert set(thresholds) == {THRESHOLDS[0]}


@given(st.integers(0, 2**32 - 1))
def test_cross_fitting_is_no_better_than_the_best_in_hindsight_and_repeats(seed):
    rng = np.random.default_rng(seed)
    ious = rng.random((30, len(THRESHOLDS)))
    lesions = rng.integers(12, size=30).astype(str)
    values, thresholds = cross_fitted(ious, lesions, seed=1)
    assert values.mean() <= ious.mean(axis=0).max() + 1e-12
    assert len(set(thresholds)) <= PARTS
    np.testing.assert_array_equal(values, cross_fitted(ious, lesions, seed=1)[0])
    for lesion in np.unique(lesions):  # a lesion's images are judged at one threshold
        assert len(set(thresholds[lesions == lesion])) == 1


def test_two_lesions_judge_each_other():
    ious = np.zeros((2, len(THRESHOLDS)))
    ious[0, 3], ious[1, 7] = 1.0, 1.0
    values, thresholds = cross_fitted(ious, np.array(["a", "b"]), seed=0)
    assert values.tolist() == [0, 0]
    assert thresholds.tolist() == [THRESHOLDS[7], THRESHOLDS[3]]


@pytest.mark.parametrize("side", [8, 9])
def test_the_gaussian_is_centred_and_a_quarter_wide(side):
    gaussian = centred_gaussian(side)
    np.testing.assert_allclose(gaussian, gaussian[::-1])
    np.testing.assert_allclose(gaussian, gaussian.T)
    assert np.unravel_index(gaussian.argmax(), gaussian.shape) == ((side - 1) // 2,) * 2
    # One standard deviation, a quarter of the side, from the middle along a row.
    middle = (side - 1) / 2
    log = np.log(gaussian[0, 0])
    assert log == pytest.approx(-0.5 * 2 * (middle / (side / 4)) ** 2)
