from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skin.config import Transforms, list_known_configs, load_config
from skin.data.augment import build_pipeline
from skin.errors import SkinError
from skin.randomness import image_generators

CENTRE: Transforms = [{"SmallestMaxSize": {"interpolation": 3}}, {"CenterCrop": {}}]


def image(height: int = 20, width: int = 30) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("transforms", [CENTRE, [{"RandomResizedCrop": {}}], [{"Resize": None}]])
@pytest.mark.parametrize("shape", [(16, 16), (20, 30), (30, 20), (8, 100)])
def test_sizes_are_filled_in(transforms: Transforms, shape: tuple[int, int]):
    pipeline = build_pipeline(transforms, 16, "augment.train")
    assert pipeline(image=image(*shape))["image"].shape == (16, 16, 3)


def test_a_size_of_the_file_stands():
    crop: Transforms = [{"SmallestMaxSize": {"max_size": 20}}, {"CenterCrop": {}}]
    assert build_pipeline(crop, 16, "augment.train").transforms[0].max_size == 20


def test_the_centre_by_hand():
    pixels = image(16, 20)
    result = build_pipeline(CENTRE, 16, "augment.evaluate")(image=pixels)["image"]
    np.testing.assert_array_equal(result, pixels[:, 2:18])


def test_lists_become_tuples():
    crop: Transforms = [{"RandomResizedCrop": {"scale": [0.25, 0.5]}}]
    assert build_pipeline(crop, 16, "augment.train").transforms[0].scale == (0.25, 0.5)


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        ([{"RandomResizedCrops": {}}], "unknown transform 'RandomResizedCrops': did you mean"),
        ([{"Compose": {}}], "unknown transform 'Compose'"),
        ([{"np": {}}], "unknown transform 'np'"),
        ([*CENTRE, {"D4": {"probability": 1}}], "D4: .*probability"),
        ([*CENTRE, {"HorizontalFlip": {"p": 2}}], "HorizontalFlip: "),
        ([*CENTRE, {"GaussianBlur": {"blur_limit": "much"}}], "GaussianBlur: "),
        ([{"D4": {}, "Blur": {}}], "each entry is one"),
        ([{}], "each entry is one"),
        ([], "turns images into 86x46 pixels, not 16x16"),
        ([{"SmallestMaxSize": {}}], "pixels, not 16x16: let it hold RandomResizedCrop"),
    ],
)
def test_mistakes_are_named(transforms: Transforms, message: str):
    with pytest.raises(SkinError, match=f"^augment.train.*{message}"):
        build_pipeline(transforms, 16, "augment.train")


def test_what_is_drawn_depends_on_the_generators_alone():
    transforms: Transforms = [
        {"RandomResizedCrop": {"scale": [0.3, 1.0]}},
        {"D4": {"p": 1.0}},
        {"RandomBrightnessContrast": {"p": 0.7}},
        {"GaussNoise": {"p": 0.5}},
    ]
    first, second = (build_pipeline(transforms, 16, "augment.train") for _ in range(2))
    pixels = image()
    second(image=pixels)  # a pipeline that was used before draws the same
    seen = set()
    for number in range(8):
        results = []
        for pipeline in (first, second):
            pipeline.set_random_state(*image_generators(0, 0, number))
            results.append(pipeline(image=pixels)["image"])
        np.testing.assert_array_equal(*results)
        seen.add(results[0].tobytes())
    assert len(seen) == 8


@pytest.mark.parametrize("path", list_known_configs(), ids=lambda path: path.stem)
def test_the_pipelines_that_come_along_are_right(path: Path):
    config = load_config(path)
    side = config.data.image_size
    for key in ("train", "evaluate"):
        pipeline = build_pipeline(getattr(config.augment, key), side, key)
        assert pipeline(image=image(side + 9, side + 50))["image"].dtype == np.uint8
