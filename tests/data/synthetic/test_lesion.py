from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from skin.data.synthetic.lesion import draw_lesion
from skin.data.synthetic.traits import TYPICAL, draw_traits
from skin.taxonomy import TASKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 96
CLASSES = tuple(code.lower() for code in TASKS["isic2018"].codes)


@cache
def lesions(dx: str):
    """Pigment maps (N, S, S, 4) of typical lesions of the class."""
    return np.stack(
        [draw_lesion(TYPICAL[dx], SIDE, np.random.default_rng([3, i])).pigments for i in range(12)]
    )


def asymmetry(maps: NDArray[np.float32]):
    """How far the melanin is from its mirror image, as a share of it."""
    melanin = maps[..., 0]
    return np.abs(melanin - melanin[:, :, ::-1]).mean() / melanin.mean()


def test_every_class_of_the_task_has_typical_traits():
    assert set(TYPICAL) == set(CLASSES)


@pytest.mark.parametrize("dx", CLASSES)
def test_drawn_traits_are_strengths(dx: str):
    rng = np.random.default_rng(0)
    drawn = np.array([list(vars(draw_traits(dx, rng)).values()) for _ in range(50)])
    assert (drawn >= 0).all()
    assert (drawn[:, :8] > 0).all()
    assert len(np.unique(drawn[:, 0])) == 50


@pytest.mark.parametrize("dx", CLASSES)
def test_a_lesion_ends_before_the_edge_of_its_map(dx: str):
    rng = np.random.default_rng(1)
    for _ in range(10):
        maps, inside = draw_lesion(draw_traits(dx, rng), SIDE, rng)
        assert maps.shape == (SIDE, SIDE, 4)
        assert maps.dtype == np.float32
        assert maps.min() >= 0
        assert maps[30:-30, 30:-30].max() > 0.05
        for edge in (maps[0], maps[-1], maps[:, 0], maps[:, -1]):
            assert edge.max() == 0
        assert inside.shape == (SIDE, SIDE)
        assert set(np.unique(inside)) == {0, 1}
        assert maps[inside > 0].sum(axis=-1).mean() > 3 * maps[inside == 0].sum(axis=-1).mean()


def test_classes_differ_as_their_criteria_say():
    mean = {dx: lesions(dx).mean(axis=(0, 1, 2)) for dx in CLASSES}
    melanin, deep, blood, white = range(4)
    assert mean["mel"][melanin] > mean["nv"][melanin] > mean["bcc"][melanin]
    assert mean["mel"][deep] > 5 * mean["nv"][deep]
    assert mean["vasc"][blood] > mean["nv"][blood]
    assert mean["akiec"][white] > mean["bkl"][white] > mean["nv"][white]


def test_a_melanoma_is_less_symmetric_than_a_nevus():
    assert asymmetry(lesions("mel")) > 1.3 * asymmetry(lesions("nv"))


def test_a_dermatofibroma_is_pale_in_its_centre():
    melanin = lesions("df")[..., 0].mean(axis=0)
    middle = SIDE // 2
    assert melanin[middle, middle] < 0.65 * melanin[middle].max()


def test_a_structure_of_no_strength_is_not_drawn():
    maps = lesions("nv")
    assert maps[..., 3].max() == 0.0
