from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from skin.analysis.overlay import colour, overlay, write_heatmap
from skin.errors import SkinError

HEATMAP = np.array([[0.0, 0.5, 1.0]], np.float32)
IMAGE = np.full((1, 3, 3), 200, np.uint8)


def test_colours_go_from_blue_over_green_to_red():
    low, middle, high = colour(HEATMAP)[0].astype(int)
    assert low.argmax() == 2
    assert middle.argmax() == 1
    assert high.argmax() == 0


def test_an_overlay_is_a_blend():
    expected = 0.45 * colour(HEATMAP).astype(float) + 0.55 * IMAGE
    np.testing.assert_allclose(overlay(HEATMAP, IMAGE), expected, atol=0.51)


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
