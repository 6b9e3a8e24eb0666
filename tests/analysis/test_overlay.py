from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from skin.analysis.overlay import colour, overlay, write_heatmap
from skin.errors import SkinError

HEATMAP = np.array([[0.0, 0.5, 1.0]], np.float32)
IMAGE = np.full((1, 3, 3), 200, np.uint8)


def test_colours_get_brighter_with_the_heat():
    """So that a reader who tells no hues apart, or a grey print, has the map too."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    brightness = colour(ramp)[0].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > -1).all()
    assert brightness[0] < 30
    assert brightness[-1] > 210


def test_a_place_without_heat_is_the_image_and_heat_covers_it_in_proportion():
    cool = np.array([[0.0, 0.2, 0.4]], np.float32)
    share = 0.65 * cool[..., None]
    expected = share * colour(cool) + (1 - share) * IMAGE
    np.testing.assert_allclose(overlay(cool, IMAGE), expected, atol=0.51)
    assert (overlay(cool, IMAGE)[0, 0] == IMAGE[0, 0]).all()


def test_a_white_line_is_around_half_of_the_heat():
    heatmap = np.full((9, 9), 0.1, np.float32)
    heatmap[2:7, 2:7] = 1
    drawn = overlay(heatmap, np.zeros((9, 9, 3), np.uint8))
    white = (drawn == 255).all(axis=2)
    line = np.zeros((9, 9), bool)
    line[2:7, 2:7] = True
    line[3:6, 3:6] = False
    np.testing.assert_array_equal(white, line)


def test_the_image_stays_as_it_is():
    image = IMAGE.copy()
    overlay(HEATMAP, image)
    np.testing.assert_array_equal(image, IMAGE)


def test_four_files_hold_the_map(tmp_path):
    write_heatmap(tmp_path / "new", "x_gradcam", HEATMAP, IMAGE)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "x_gradcam_overlay.png",
        "x_gradcam_raw.npy",
        "x_gradcam_raw.png",
        "x_gradcam_raw_color.png",
    ]
    values = np.load(tmp_path / "new" / "x_gradcam_raw.npy", allow_pickle=False)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, HEATMAP)
    grey = Image.open(tmp_path / "new" / "x_gradcam_raw.png")
    assert grey.mode == "L"
    assert np.asarray(grey).tolist() == [[0, 128, 255]]
    for kind, pixels in (("raw_color", colour(HEATMAP)), ("overlay", overlay(HEATMAP, IMAGE))):
        written = np.asarray(Image.open(tmp_path / "new" / f"x_gradcam_{kind}.png"))
        np.testing.assert_array_equal(written, pixels)


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "there").touch()
    with pytest.raises(SkinError, match="cannot write"):
        write_heatmap(tmp_path / "there", "x", HEATMAP, IMAGE)
