from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.analysis.probes.corruptions import _APPLY, corrupt
from skin.analysis.probes.severities import CORRUPTIONS, SEVERITIES

NAMES = list(CORRUPTIONS)
# A turned or zoomed texture is as far from itself as any other: these need a smooth image.
MOVING = {"rotation", "zoom_in", "zoom_out"}


def skin_like(side: int, seed: int = 0) -> np.ndarray:
    """A dark disc on a bright ground, lit unevenly, with some texture."""
    rng = np.random.default_rng(seed)
    at = np.linspace(-1, 1, side)
    x, y = np.meshgrid(at, at)
    lesion = 1 / (1 + np.exp(12 * (np.hypot(x - 0.2, 1.6 * y) - 0.5)))
    grey = 190 - 110 * lesion + 12 * x + rng.normal(0, 3, (side, side))
    return np.clip(grey[..., None] * [1, 0.75, 0.65], 0, 255).astype(np.uint8)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(np.mean((one.astype(float) - other.astype(float)) ** 2)))


def test_every_corruption_of_the_table_can_be_made():
    assert list(_APPLY) == NAMES


@given(
    name=st.sampled_from(NAMES),
    severity=st.sampled_from(SEVERITIES),
    side=st.sampled_from([32, 61, 112]),
    seed=st.integers(0, 2**40),
)
def test_shape_and_type_stay_and_the_image_is_left_alone(name, severity, side, seed):
    image = skin_like(side)
    before = image.copy()
    changed = corrupt(name, severity, image, "A", seed)
    assert (changed.shape, changed.dtype) == (image.shape, np.uint8)
    assert (image == before).all()
    assert (changed != image).any()


@pytest.mark.parametrize("name", NAMES)
def test_severity_zero_is_the_image(name):
    image = skin_like(48)
    assert (corrupt(name, 0, image, "A", 0) == image).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_each_severity_is_farther_from_the_image(name, seed):
    image = skin_like(112, seed)
    if name in MOVING:
        image = cv2.GaussianBlur(image, (0, 0), 4)
    far = [distance(corrupt(name, severity, image, "A", seed), image) for severity in range(6)]
    assert far == sorted(far)
    assert len(set(far)) == len(far)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_key_gives_the_same_bytes(name):
    image = skin_like(64)
    one, other = (corrupt(name, 3, image, "A", 7) for _ in range(2))
    assert (one == other).all()


@pytest.mark.parametrize("name", ["noise", "hair"])
def test_images_and_seeds_draw_their_own(name):
    image = skin_like(64)
    first = corrupt(name, 3, image, "A", 7)
    assert (corrupt(name, 3, image, "B", 7) != first).any()
    assert (corrupt(name, 3, image, "A", 8) != first).any()


def test_a_severity_is_the_same_photograph_at_any_size():
    """Noise at twice the side, averaged over 2 x 2 pixels, is the noise at the side itself."""
    grey = np.full((128, 128, 3), 128, np.uint8)
    fine = corrupt("noise", 2, grey, "A", 0).astype(float)
    averaged = fine.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    coarse = corrupt("noise", 2, grey[:64, :64], "A", 0).astype(float)
    assert averaged.std() == pytest.approx(coarse.std(), rel=0.05)


def test_blur_spreads_as_far_relative_to_the_side():
    def spread(side: int) -> float:
        image = np.zeros((side, side, 3), np.uint8)
        image[:, side // 2] = 255
        blurred = corrupt("defocus", 5, image, "A", 0)[0, :, 0].astype(float)
        at = (np.arange(side) - side // 2) / side
        return float(np.sqrt((blurred * at**2).sum() / blurred.sum()))

    # The second moment of a disc of radius r along one axis is r^2 / 4.
    assert spread(401) == pytest.approx(0.03 / 2, rel=0.05)
    assert spread(201) == pytest.approx(spread(401), rel=0.05)


def test_light_by_hand():
    image = np.full((8, 8, 3), 100, np.uint8)
    assert corrupt("brighter", 4, image, "A", 0)[0, 0, 0] == round(100 * 2 ** (1 / 2.2))  # +1 stop
    assert corrupt("darker", 2, image, "A", 0)[0, 0, 0] == round(100 * 2 ** (-1 / 2.2))
    assert corrupt("brighter", 5, image * 2, "A", 0).max() == 255


def test_contrast_by_hand():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0] = 200  # the mean is 100
    assert corrupt("contrast", 3, image, "A", 0)[:, 0, 0].tolist() == [150, 50]


def test_hairs_of_a_severity_are_among_those_of_the_next():
    """Dark hairs on white: where the fourth severity leaves white, so does the third."""
    white = np.full((96, 96, 3), 255, np.uint8)
    third, fourth = (corrupt("hair", severity, white, "A", 0)[..., 0] for severity in (3, 4))
    assert (third[fourth == 255] == 255).all()
    assert (third < 255).sum() < (fourth < 255).sum()


def test_rotation_goes_to_both_sides():
    image = cv2.GaussianBlur(skin_like(64), (0, 0), 3)
    turned = {corrupt("rotation", 5, image, f"I{i}", 0).tobytes() for i in range(12)}
    assert len(turned) == 2
