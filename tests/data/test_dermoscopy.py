from __future__ import annotations

import math
import pickle

import albumentations as A  # noqa: N812 - the name its documentation uses
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from skin.data.dermoscopy import Hair, Microscope, ShadesOfGray, coverage
from skin.randomness import image_generators

Image = NDArray[np.uint8]


def plain(colour: tuple[int, int, int], height: int = 40, width: int = 40) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def run(transform: A.ImageOnlyTransform, pixels: Image, number: int = 0) -> Image:
    transform.set_random_state(*image_generators(number))
    result: Image = transform(image=pixels)["image"]
    return result


def field(radius: float, edge: float) -> Microscope:
    return Microscope(radius=(radius, radius), edge=(edge, edge), shift=0.0, p=1.0)


@pytest.mark.parametrize("transform", [Hair(p=1.0), Microscope(p=1.0)])
def test_the_generators_alone_decide(transform: A.ImageOnlyTransform):
    pixels = plain((200, 150, 120), 60, 90)
    pixels.flags.writeable = False  # as the cache gives them
    again = pickle.loads(pickle.dumps(transform))  # noqa: S301 - made here
    seen = set()
    for number in range(6):
        first = run(transform, pixels, number)
        np.testing.assert_array_equal(first, run(again, pixels, number))
        assert first.dtype == np.uint8
        assert first.shape == pixels.shape
        seen.add(first.tobytes())
    assert len(seen) == 6


@pytest.mark.parametrize("width", [0.1, 0.5, 1.0, 1.5, 3.0, 6.1])
def test_a_hair_is_as_wide_as_asked(width: float):
    line = np.array([[[10.0, 30.0], [50.0, 30.0]]])
    cover = coverage((60, 60), line, np.array([width]), np.array([1.0]))
    # To the 255 levels of each of the rows.
    assert cover[:, 20:40].sum(axis=0) == pytest.approx(width, abs=0.03)
    assert cover[:26].max() == cover[35:].max() == 0
    assert cover[:, :5].max() == cover[:, 55:].max() == 0


@pytest.mark.parametrize("angle", range(0, 180, 15))
def test_a_hair_is_as_wide_at_any_angle(angle: int):
    turned = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    line = np.array([[50 - 35 * turned, 50 + 35 * turned]])
    cover = coverage((100, 100), line, np.array([1.5]), np.array([1.0]))
    assert cover.sum() == pytest.approx(70 * 1.5, rel=0.1)


def test_opacity_scales_the_cover():
    line = np.array([[[10.0, 30.0], [50.0, 30.0]]])
    whole, part = (
        coverage((60, 60), line, np.array([3.0]), np.array([opacity])) for opacity in (1.0, 0.4)
    )
    np.testing.assert_allclose(part, 0.4 * whole, atol=1 / 255)


def test_hair_has_its_colour():
    """Where it covers a pixel wholly, but for the line's width being a little more than asked."""
    colour = (30, 20, 10)
    hair = Hair(count=(5, 5), thickness=(80, 80), opacity=(1, 1), colour=(colour, colour), p=1.0)
    result = run(hair, plain((200, 150, 120), 100, 100)).astype(int)
    drawn = (np.abs(result - colour) < 20).all(axis=-1)
    bare = (result == (200, 150, 120)).all(axis=-1)
    assert drawn.sum() > 500  # five hairs of 8 pixels, at least 30 long, partly outside
    assert bare.any()
    assert (drawn | bare).mean() > 0.8  # the rest are edges


@pytest.mark.parametrize("nothing", [{"count": (0, 0)}, {"thickness": (0, 0)}, {"opacity": (0, 0)}])
def test_no_hair(nothing: dict[str, tuple[int, int]]):
    pixels = plain((200, 150, 120))
    np.testing.assert_array_equal(run(Hair(**nothing, p=1.0), pixels), pixels)


@given(st.integers(0, 10_000))
def test_dark_hair_only_darkens(number: int):
    pixels = plain((180, 170, 160), 50, 70)
    assert (run(Hair(p=1.0), pixels, number) <= pixels).all()


@given(st.integers(0, 10_000))
def test_the_field_only_darkens(number: int):
    pixels = plain((255, 170, 3), 50, 70)
    assert (run(Microscope(p=1.0), pixels, number) <= pixels).all()


def test_the_round_field_by_hand():
    """Half the side is 20 pixels: radius 0.8 ends at 16, its rim of 0.1 begins at 14."""
    result = run(field(0.8, 0.1), plain((200, 100, 50)))
    y, x = np.mgrid[:40, :40] - 19.5
    distance = np.hypot(x, y)
    assert (result[distance <= 14] == (200, 100, 50)).all()
    assert (result[distance >= 16] == 0).all()
    rim = result[(distance > 14.5) & (distance < 15.5)]
    assert ((rim > 0) & (rim < (200, 100, 50))).all()


def test_the_rim_is_half_bright_in_its_middle():
    """Pixel 35 of the middle row lies 15.5 + 0.5 / 31 from the centre: 0.7751 of half the side."""
    distance = math.hypot(15.5, 0.5) / 20
    result = run(field(distance + 0.05, 0.1), plain((200, 100, 50)))
    assert result[19, 35].tolist() == [100, 50, 25]


def test_a_wide_field_leaves_the_image_as_it_is():
    pixels = plain((200, 100, 50))
    np.testing.assert_array_equal(run(field(1.6, 0.1), pixels), pixels)


def test_the_circle_is_round_in_an_oblong_image():
    lit = run(field(0.8, 0.01), plain((200, 100, 50), 40, 80))[..., 0] > 100
    assert lit.any(axis=0).sum() == lit.any(axis=1).sum() == 32


@pytest.mark.parametrize("grey", [0, 1, 77, 254, 255])
def test_a_grey_image_stays_grey(grey: int):
    pixels = plain((grey, grey, grey))
    np.testing.assert_array_equal(run(ShadesOfGray(), pixels), pixels)


def test_a_cast_is_removed():
    """e = (200, 100, 50); its root mean square is sqrt(52500 / 3) = 132.3."""
    result = run(ShadesOfGray(), plain((200, 100, 50)))
    assert (result == 132).all()


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        # Means (100, 50, 50), root mean square sqrt(15000 / 3) = 70.71: gains 0.707, 1.414, 1.414.
        (1, [[71, 71, 141], [71, 71, 0]]),
        # Root mean squares (100, 50, sqrt(100^2 / 2) = 70.71); theirs 76.38: gains 0.764, 1.528,
        # 1.080.
        (2, [[76, 76, 108], [76, 76, 0]]),
    ],
)
def test_the_norm_by_hand(norm: float, expected: list[list[int]]):
    pixels = np.array([[[100, 50, 100], [100, 50, 0]]], np.uint8)
    assert run(ShadesOfGray(norm=norm), pixels)[0].tolist() == expected


def test_a_black_channel_stays_black_and_the_others_are_balanced():
    """Of e = (200, 100, 0) the first two count: sqrt(50000 / 2) = 158.1."""
    result = run(ShadesOfGray(), plain((200, 100, 0)))
    assert (result == (158, 158, 0)).all()


@given(arrays(np.uint8, (4, 5, 3)), st.floats(1, 30))
def test_the_formula_holds_for_all_images(pixels: Image, norm: float):
    light = (np.mean((pixels / 255) ** norm, axis=(0, 1))) ** (1 / norm)
    lit = light > 0
    gain = np.ones(3)
    if lit.any():
        gain[lit] = np.sqrt(np.mean(light[lit] ** 2)) / light[lit]
    expected = np.minimum(pixels * gain, 255)
    np.testing.assert_allclose(run(ShadesOfGray(norm=norm), pixels), expected, atol=0.501)


def test_colour_constancy_draws_nothing():
    """So that it may stand in `evaluate`, where no image is to depend on another."""
    transform = ShadesOfGray()
    state = image_generators(0)
    transform.set_random_state(*state)
    transform(image=plain((200, 100, 50)))
    fresh = image_generators(0)
    assert state[0].random() == fresh[0].random()
    assert state[1].random() == fresh[1].random()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Hair(count=(3, 1)),
        lambda: Hair(count=(-1, 1)),
        lambda: Hair(opacity=(0, 2)),
        lambda: Hair(colour=((0, 0), (1, 1))),
        lambda: Hair(colour=((0, 0, 0), (1, 1, 256))),
        lambda: Microscope(radius=(0, 1)),
        lambda: Microscope(edge=(0, 1)),
        lambda: Microscope(shift=-1),
        lambda: ShadesOfGray(norm=0.5),
        lambda: ShadesOfGray(p=2),
    ],
)
def test_what_means_nothing_is_refused(make: type[A.ImageOnlyTransform]):
    with pytest.raises(ValueError, match="validation error"):
        make()
