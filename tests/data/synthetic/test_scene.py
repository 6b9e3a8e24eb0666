from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skin.data.synthetic.lesion import Lesion, draw_lesion
from skin.data.synthetic.scene import Person, draw_person, photograph
from skin.data.synthetic.traits import TYPICAL

SIZE = (80, 60)
BARE = Lesion(np.zeros((96, 96, 4), np.float32), np.zeros((96, 96), np.float32))
FAIR = Person(melanin=0.1, blood=0.2, hairs=0.0, hair_shade=np.float32([0.1, 0.1, 0.1]))


def mean_photograph(lesion: Lesion, person: Person, count: int = 12):
    """The mean over photographs in other lights, (H, W, 3)."""
    shots = [photograph(lesion, person, SIZE, np.random.default_rng([1, i])) for i in range(count)]
    return np.mean([shot.pixels for shot in shots], axis=0)


def test_the_same_generator_takes_the_same_picture():
    lesion = draw_lesion(TYPICAL["mel"], 96, np.random.default_rng(0))
    first, again, other = (
        photograph(lesion, FAIR, SIZE, np.random.default_rng(seed)).pixels for seed in (1, 1, 2)
    )
    assert first.shape == (60, 80, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_fair_skin_is_light_and_reddish():
    red, green, blue = mean_photograph(BARE, FAIR).mean(axis=(0, 1))
    assert red > green > 100
    assert red > blue > 100


@pytest.mark.parametrize(("trait", "value"), [("melanin", 0.6), ("blood", 0.9), ("hairs", 40.0)])
def test_pigment_and_hair_take_light_away(trait: str, value: float):
    changed = replace(FAIR, **{trait: value})
    assert mean_photograph(BARE, changed).mean() < mean_photograph(BARE, FAIR).mean() - 3


def test_a_pigmented_lesion_is_dark_and_in_the_middle():
    lesion = draw_lesion(TYPICAL["nv"], 96, np.random.default_rng(0))
    picture = mean_photograph(lesion, FAIR).mean(axis=-1)
    assert picture[25:35, 35:45].mean() < 0.7 * picture[25:35, :8].mean()


def test_the_mask_is_where_the_lesion_is():
    lesion = draw_lesion(TYPICAL["nv"], 96, np.random.default_rng(0))
    for seed in range(5):
        shot = photograph(lesion, FAIR, SIZE, np.random.default_rng(seed))
        assert shot.mask.shape == (60, 80)
        assert shot.mask.dtype == bool
        light = shot.pixels.mean(axis=-1)
        assert light[shot.mask].mean() < 0.75 * light[~shot.mask].mean()
    assert not photograph(BARE, FAIR, SIZE, np.random.default_rng(0)).mask.any()


def test_people_differ_within_bounds():
    rng = np.random.default_rng(0)
    people = [draw_person(rng) for _ in range(300)]
    melanin = [person.melanin for person in people]
    assert 0.05 <= min(melanin) < 0.1
    assert 0.4 < max(melanin) <= 0.7
    assert 0.2 < np.mean([person.hairs > 0 for person in people]) < 0.5
