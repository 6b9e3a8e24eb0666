from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from skin.models.tta import views
from skin.views import Tta

TEXTS = ["none", "dihedral", "crops", "scales", "dihedral+crops", "dihedral+crops+scales"]


def drawn(seed: int, side: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (2, 3, side, side), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("text", TEXTS)
def test_there_are_as_many_views_as_said_all_of_the_images_size(text: str):
    tta, images = Tta.parse(text), drawn(0, 16)
    made = list(views(images, tta))
    assert len(made) == len(tta)
    assert all(view.shape == images.shape for view in made)
    assert len({view.float().numpy().tobytes() for view in made}) == len(tta)


@pytest.mark.parametrize("text", ["none", "dihedral", "scales", "dihedral+crops+scales"])
def test_the_first_view_is_the_image_itself(text: str):
    images = drawn(0, 16)
    assert next(views(images, Tta.parse(text))) is images


def test_dihedral_views_are_the_rotations_and_reflections():
    image = torch.arange(9, dtype=torch.uint8).view(1, 1, 3, 3).expand(1, 3, 3, 3)
    made = {tuple(view.flatten().tolist()) for view in views(image, Tta(dihedral=True))}
    turned = [torch.rot90(each, k, (2, 3)) for each in (image, image.flip(3)) for k in range(4)]
    assert made == {tuple(view.flatten().tolist()) for view in turned}
    assert len(made) == 8


def test_crops_are_enlarged_by_hand():
    """Six of 8 columns become eight, at -0.125, 0.625, ... 5.125 of the six; none reach beyond."""
    image = 10 * torch.arange(8, dtype=torch.uint8).expand(1, 3, 8, 8)
    *_, zoomed = views(image, Tta(scales=True))
    by_hand = [10, 16.25, 23.75, 31.25, 38.75, 46.25, 53.75, 60]
    assert zoomed[0, 0].tolist() == [pytest.approx(by_hand)] * 8
    assert zoomed.dtype == torch.float32


def test_each_corner_is_in_one_crop_alone():
    image = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    places = [(0, 0), (0, -1), (-1, 0), (-1, -1)]
    for value, (down, right) in enumerate(places, start=1):
        image[..., down, right] = 10 * value
    seen = [
        [each[0, 0, down, right].item() for down, right in places]
        for each in views(image, Tta(crops=True))
    ]
    assert seen == [[0, 0, 0, 0], [10, 0, 0, 0], [0, 20, 0, 0], [0, 0, 30, 0], [0, 0, 0, 40]]


@given(st.integers(0, 2**31), st.integers(1, 20), st.sampled_from(TEXTS))
def test_values_stay_those_of_pixels(seed: int, side: int, text: str):
    for view in views(drawn(seed, side), Tta.parse(text)):
        assert view.min() >= 0
        assert view.max() <= 255


@given(st.integers(0, 2**31), st.integers(1, 20), st.booleans(), st.booleans())
def test_the_views_of_a_turned_image_are_the_same(seed: int, side: int, crops: bool, scales: bool):
    """As sets, so that their average does not depend on how the image lies."""
    tta, images = Tta(dihedral=True, crops=crops, scales=scales), drawn(seed, side)
    sums = [
        sorted(
            (view.float() * torch.linspace(1, 2, side**2).view(side, side)).sum().item()
            for view in views(each, tta)
        )
        for each in (images, images.rot90(1, (2, 3)), images.flip(3))
    ]
    assert sums[1] == pytest.approx(sums[0], rel=1e-5)
    assert sums[2] == pytest.approx(sums[0], rel=1e-5)
