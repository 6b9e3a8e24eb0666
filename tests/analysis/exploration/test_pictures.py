from __future__ import annotations

import numpy as np
import pytest

from skin.analysis.blocks import Gallery, Plot, Words, tables
from skin.analysis.exploration.features import MEASURES, measure
from skin.analysis.exploration.pictures import auc_frame, extremes, measure_all, section


def flat(red, green, blue, shape=(64, 80)):
    return np.full((*shape, 3), (red, green, blue), np.uint8)


def test_a_flat_picture():
    found = measure(flat(255, 255, 255))

    assert found["brightness"] == pytest.approx(100, abs=0.1)
    for name in ("contrast", "saturation", "redness", "yellowness", "sharpness", "dark_corners"):
        assert found[name] == pytest.approx(0, abs=0.05)


def test_red_is_red_and_yellow_and_saturated():
    """CIELAB of sRGB red is (53.2, 80.1, 67.2), its chroma 104.6."""
    found = measure(flat(255, 0, 0))

    assert found["brightness"] == pytest.approx(53.2, abs=0.1)
    assert found["redness"] == pytest.approx(80.1, abs=0.2)
    assert found["yellowness"] == pytest.approx(67.2, abs=0.2)
    assert found["saturation"] == pytest.approx(104.6, abs=0.3)


def test_blur_lowers_the_sharpness():
    stripes = flat(0, 0, 0)
    stripes[:, ::4] = 255
    soft = (stripes.astype(int) + np.roll(stripes, 1, 1) + np.roll(stripes, -1, 1)) // 3

    assert measure(soft.astype(np.uint8))["sharpness"] < measure(stripes)["sharpness"]


def test_dark_corners_are_counted_in_the_corners_alone():
    """64 x 64: a corner is 8 x 8. One black corner of four; black in the middle does not count."""
    image = flat(200, 200, 200, (64, 64))
    image[:8, :8] = 0
    image[28:36, 28:36] = 0

    assert measure(image)["dark_corners"] == 0.25


def test_the_middle_and_what_is_around_it():
    image = flat(100, 100, 100, (64, 64))
    image[16:48, 16:48] = (10, 20, 30)

    found = measure(image)

    assert [found[f"centre_{c}"] for c in "rgb"] == [10, 20, 30]
    assert [found[f"border_{c}"] for c in "rgb"] == [100, 100, 100]


def test_a_large_picture_measures_as_its_own_coarse_grid():
    image = np.random.default_rng(0).integers(256, size=(64, 64, 3), dtype=np.uint8)
    large = image.repeat(3, axis=0).repeat(3, axis=1)

    fine, coarse = measure(large), measure(image)

    assert fine["brightness"] == pytest.approx(coarse["brightness"])
    assert fine["contrast"] == pytest.approx(coarse["contrast"])


@pytest.fixture
def dark_and_bright(make_cohort):
    """15 dark melanomas, 15 bright nevi; the first nevus has two images."""
    rng = np.random.default_rng(0)
    grey = [*rng.integers(20, 80, 15), *rng.integers(150, 220, 15)]
    rows = [{"dx": "mel"}] * 15 + [{"dx": "nv", "lesion_id": f"{max(i, 1)}"} for i in range(15)]
    return make_cohort(rows, [flat(g, g, g, (32, 32)) for g in grey])


def test_what_tells_malignant_from_benign(dark_and_bright):
    frame = auc_frame(dark_and_bright, measure_all(dark_and_bright.cache)).set_index("measure")

    brightness = frame.loc["Brightness, mean CIELAB L*"]
    assert (brightness["auc"], brightness["in_malignant"]) == (1, "lower")
    assert brightness["auc_low"] == 1
    assert brightness["malignant"] < brightness["benign"]
    assert frame.loc["Sharpness, variance of the Laplacian", "auc"] == 0.5
    assert frame["auc"].between(0.5, 1).all()
    assert "all of them together" not in frame.index  # there are too few lesions to learn from


def test_measures_together_tell_more_than_one(make_cohort):
    """Melanomas are dark and red, or bright and grey; nevi the other way round."""
    rng = np.random.default_rng(0)
    rows, pixels = [], []
    for _ in range(120):
        is_dark, is_red = rng.random(2) < 0.5
        light = 80 if is_dark else 160
        rows.append({"dx": "mel" if is_dark == is_red else "nv"})
        noise = int(rng.integers(20))
        pixels.append(flat(light + noise + 60 * is_red, light + noise, light + noise, (32, 32)))
    cohort = make_cohort(rows, pixels)

    frame = auc_frame(cohort, measure_all(cohort.cache)).set_index("measure")

    assert frame.loc["Brightness, mean CIELAB L*", "auc"] < 0.7
    assert frame.index[-1] == "all of them together"
    assert frame["auc"].iloc[-1] > 0.9


def test_extremes_are_of_different_lesions(dark_and_bright):
    measures = measure_all(dark_and_bright.cache)

    gallery = extremes(dark_and_bright, measures)

    darkest = gallery.strips[0].photos[0]
    assert dark_and_bright.images["image_id"][measures["brightness"].idxmin()] == darkest.lines[0]
    lesion = dark_and_bright.images.set_index("image_id")["lesion_id"]
    for strip in gallery.strips:
        assert len({lesion[photo.lines[0]] for photo in strip.photos}) == len(strip.photos) == 6


def test_the_section(dark_and_bright):
    found = section(dark_and_bright)

    plots = [block for block in found.blocks if isinstance(block, Plot)]
    assert [plot.name for plot in plots] == [*(one.name for one in MEASURES), "mean-colour"]
    assert found.finding == (
        "Brightness of the whole picture alone tells malignant from benign with AUC 1.000 "
        "(1.000 to 1.000): a model must do better."
    )
    assert any(isinstance(block, Gallery) for block in found.blocks)
    by_class = next(t for t in tables([found]) if t.name == "picture-measures-by-class").frame
    assert set(by_class["class"]) == {"MEL", "NV"}
    assert (by_class["q05"] <= by_class["q95"]).all()


def test_one_class_has_nothing_to_tell(make_cohort):
    found = section(make_cohort([{"dx": "nv"}] * 2, [flat(9, 9, 9)] * 2))

    assert not found.finding
    assert "picture-measures" not in {table.name for table in tables([found])}


def test_sizes_are_listed_where_they_differ(make_cohort):
    cohort = make_cohort([{"dx": "nv", "width": 60}, {"dx": "nv"}, {"dx": "nv"}])

    table = next(iter(tables([section(cohort)])))

    assert [line.head for line in table.lines] == ["40 x 30", "60 x 30"]
    assert table.frame["aspect"].tolist() == pytest.approx([4 / 3, 2])
    said = section(make_cohort([{"dx": "nv"}])).blocks[0]
    assert isinstance(said, Words)
    assert "40x30" in said.text
