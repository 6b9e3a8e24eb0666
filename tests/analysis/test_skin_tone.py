from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest

from skin.analysis.skin_tone import (
    BANDS,
    CAST,
    HIDDEN,
    angle,
    band,
    measure,
    skin_around,
    skin_tone,
)
from skin.data.dataset import find_dataset


def rgb(lightness, a, b):
    """The 8-bit colour of a point in CIELAB."""
    lab = np.array([[[lightness, a, b]]], np.float32)
    return np.rint(255 * cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)[0, 0]).astype(np.uint8)


def picture(skin, *, side=128):
    """Skin with a brown lesion in the middle, a hair, a reflection, and black corners."""
    image = np.empty((side, side, 3), np.uint8)
    image[:] = skin
    cv2.circle(image, (side // 2, side // 2), side // 4, (90, 50, 40), -1)
    cv2.line(image, (0, side // 3), (side, side // 2), (30, 20, 20), 2)
    cv2.circle(image, (side // 8, side // 2), side // 20, (255, 255, 255), -1)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    image[np.hypot(x, y) > 0.62 * side] = 0
    return image


@pytest.mark.parametrize(
    ("lightness", "yellowness", "degrees"),
    [(50, 10, 0), (60, 10, 45), (40, 10, -45), (70, 20 / np.sqrt(3), 60)],
)
def test_angle_by_hand(lightness, yellowness, degrees):
    found = angle(np.array([lightness], float), np.array([yellowness], float))

    assert found[0] == pytest.approx(degrees)


def test_bluish_skin_has_no_angle():
    """The bare arctangent would give -76 degrees, dark, for the lightest skin."""
    assert np.isnan(angle(np.array([70.0, 70.0]), np.array([-5.0, 0.0]))).all()


def test_bands_end_where_the_papers_end_them():
    ita = np.array([90, 55.1, 55, 41, 28, 10, -30, -30.1, -90, np.nan, np.nan])

    found = band(ita, hidden=np.arange(11) == 10)

    assert found == [
        *["very light"] * 2,
        "light",
        "intermediate",
        "tan",
        "brown",
        *["dark"] * 3,
        CAST,
        HIDDEN,
    ]
    assert list(BANDS) == ["very light", "light", "intermediate", "tan", "brown", "dark"]


@pytest.mark.parametrize(
    ("lightness", "yellowness", "name"),
    [
        (75, 12, "very light"),
        (65, 14, "light"),
        (58, 13, "intermediate"),
        (55, 16, "tan"),
        (48, 16, "brown"),
        (35, 12, "dark"),
        (70, -6, CAST),
    ],
)
def test_skin_is_measured_beside_lesion_hair_reflection_and_corners(lightness, yellowness, name):
    found = measure([picture(rgb(lightness, 12, yellowness))])

    assert found["lightness"][0] == pytest.approx(lightness, abs=1)
    assert found["yellowness"][0] == pytest.approx(yellowness, abs=1)
    assert found["band"][0] == name


def test_what_counts_as_skin():
    lab, skin = skin_around(picture(rgb(65, 12, 14)))

    assert lab.shape == (96, 96, 3)
    assert not skin[30:66, 30:66].any()  # the middle and the lesion
    assert not skin[:6, :6].any()  # a black corner
    assert not skin[46:50, 10:14].any()  # the reflection
    colours = lab[skin][:, 0]
    assert np.percentile(np.abs(colours - 65), 98) < 3


def test_a_black_picture_has_no_skin():
    found = measure([np.zeros((40, 50, 3), np.uint8)])

    assert found["band"][0] == HIDDEN
    assert found[["lightness", "yellowness", "ita"]].isna().all(axis=None)


def test_a_dataset_is_measured_from_its_cache(toy_data):
    dataset = find_dataset(toy_data, "toy")

    found = skin_tone(dataset)

    assert found["image_id"].tolist() == dataset.table["image_id"].tolist()
    expected = measure(dataset.open_cache(40))
    pd.testing.assert_frame_equal(found.drop(columns="image_id"), expected)
