from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skin.config import AugmentConfig, Transforms, list_known_configs, load_config
from skin.data.augment import build_pipeline, build_train_pipelines
from skin.errors import SkinError
from skin.randomness import image_generators
from skin.taxonomy import get_task

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
        ([{"ImageOnlyTransform": {}}], "unknown transform 'ImageOnlyTransform'"),
        ([{"Microscop": {}}], "did you mean 'Microscope'"),
        ([{"RandomAugment": {}}], "did you mean 'RandAugment'"),
        ([*CENTRE, {"D4": {"probability": 1}}], "D4: .*probability"),
        ([*CENTRE, {"HorizontalFlip": {"p": 2}}], "HorizontalFlip: "),
        ([*CENTRE, {"GaussianBlur": {"blur_limit": "much"}}], "GaussianBlur: "),
        ([*CENTRE, {"Hair": {"count": [3, 1]}}], "Hair: .*count"),
        ([*CENTRE, {"Hair": {"width": 3}}], "Hair: .*width"),
        ([*CENTRE, {"RandAugment": {"magnitude": 90}}], "RandAugment: magnitude is 90"),
        ([*CENTRE, {"RandAugment": {"p": -1}}], "RandAugment: p is -1, not a number from 0 to 1"),
        ([*CENTRE, {"Normalize": {}}], "Normalize .* set model.mean and model.std"),
        ([*CENTRE, {"ToTensorV2": {}}], "ToTensorV2 .* the model normalises"),
        ([*CENTRE, {"OneOf": {"transforms": [{"ToFloat": {}}]}}], "OneOf: ToFloat .* model.mean"),
        ([*CENTRE, {"MaskDropout": {"p": 1}}], "fails: "),
        ([*CENTRE, {"OneOf": {}}], "OneOf: write transforms: "),
        ([*CENTRE, {"OneOf": {"transforms": []}}], "OneOf: write transforms: "),
        ([*CENTRE, {"OneOf": {"transforms": "D4"}}], "OneOf: write transforms: "),
        ([*CENTRE, {"OneOf": {"transforms": ["D4"]}}], "OneOf: each entry is one .*, not 'D4'"),
        ([*CENTRE, {"OneOf": {"transforms": [{"D5": {}}]}}], "OneOf: unknown transform 'D5'"),
        ([*CENTRE, {"OneOf": {"transforms": [{"D4": {"p": 0}}]}}], "OneOf: .* p: 0"),
        ([*CENTRE, {"OneOf": {"transforms": [{"D4": {}}], "p": 2}}], "OneOf: p is 2"),
        ([*CENTRE, {"OneOf": {"transforms": [{"D4": {}}], "n": 2}}], "OneOf: .*'n'"),
        ([*CENTRE, {"SomeOf": {"transforms": [{"D4": {}}], "n": 0}}], "SomeOf: n is 0"),
        ([*CENTRE, {"SomeOf": {"transforms": [{"D4": {}}], "n": 2}}], "SomeOf: .*greater"),
        ([*CENTRE, {"D4": {"transforms": [{"Blur": {}}]}}], "D4 holds no transforms; OneOf"),
        # Half of the images keep their size.
        ([*CENTRE, {"RandomScale": {"p": 0.5, "scale_limit": [0.5, 0.5]}}], "pixels, not 16x16"),
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


@pytest.mark.parametrize(
    "transform",
    [
        {"HorizontalFlip": {"p": 1.0}},
        {"VerticalFlip": {"p": 1.0}},
        {"Rotate": {"limit": 20, "p": 1.0}},
        {"Rotate": {"limit": [-20, 20], "p": 1.0}},
        {"Affine": {"scale": [0.8, 1.2], "p": 1.0}},
        {"Affine": {"translate_percent": {"x": [-0.1, 0.1], "y": 0.0}, "p": 1.0}},
        {"ColorJitter": {"brightness": 0.2, "contrast": 0.2, "hue": 0.02, "p": 1.0}},
        {"RandomBrightnessContrast": {"p": 1.0}},
        {"CoarseDropout": {"p": 1.0}},
        {"Hair": {"count": [1, 3], "colour": [[0, 0, 0], [60, 40, 30]], "p": 1.0}},
        {"Microscope": {"radius": [0.9, 1.0], "p": 1.0}},
        {"ShadesOfGray": None},
        {"RandAugment": {"n": 2, "magnitude": 9}},
    ],
    ids=lambda transform: next(iter(transform)),
)
def test_what_published_pipelines_hold_can_be_written(transform: dict[str, dict[str, object]]):
    pixels = image(32, 32)
    pipeline = build_pipeline([{"Resize": {}}, transform], 32, "augment.train")
    pipeline.set_random_state(*image_generators(1))
    result = pipeline(image=pixels)["image"]
    assert result.shape == (32, 32, 3)
    assert (result != pixels).any()


def test_one_of_takes_one():
    """A flip along either axis, never both and never neither."""
    flips = [{"HorizontalFlip": {"p": 1.0}}, {"VerticalFlip": {"p": 1.0}}]
    one_of: Transforms = [{"OneOf": {"transforms": flips, "p": 1.0}}]
    pixels = image(16, 16)
    pipeline = build_pipeline([{"CenterCrop": {}}, *one_of], 16, "augment.train")
    expected = {pixels[:, ::-1].tobytes(), pixels[::-1].tobytes()}
    seen = set()
    for number in range(12):
        pipeline.set_random_state(*image_generators(number))
        seen.add(pipeline(image=pixels)["image"].tobytes())
    assert seen == expected


def test_compositions_nest_and_fill_sizes_in():
    crops = {"Sequential": {"transforms": CENTRE, "p": 1.0}}
    transforms: Transforms = [
        {"OneOf": {"transforms": [crops, {"RandomResizedCrop": {}}], "p": 1.0}},
        {"SomeOf": {"transforms": [{"D4": {}}, {"Hair": {}}, {"RandAugment": {}}], "n": 2}},
    ]
    pipeline = build_pipeline(transforms, 16, "augment.train")
    twin = build_pipeline(transforms, 16, "augment.train")
    for number in range(8):
        for each in (pipeline, twin):
            each.set_random_state(*image_generators(number))
        result = pipeline(image=image())["image"]
        np.testing.assert_array_equal(result, twin(image=image())["image"])
        assert result.shape == (16, 16, 3)


def test_classes_have_pipelines_of_their_own():
    augment = AugmentConfig(
        train=[*CENTRE],
        by_class={"DF": [*CENTRE, {"HorizontalFlip": {"p": 1.0}}], "MEL": [{"Resize": {}}]},
    )
    pipelines = build_train_pipelines(augment, 16, ("MEL", "NV", "DF"))
    pixels = image(16, 16)
    np.testing.assert_array_equal(pipelines.default(image=pixels)["image"], pixels)
    np.testing.assert_array_equal(pipelines.by_class[2](image=pixels)["image"], pixels[:, ::-1])
    assert set(pipelines.by_class) == {0, 2}


@pytest.mark.parametrize(
    ("by_class", "message"),
    [
        ({"VASK": CENTRE}, r"^augment.by_class.VASK: .*did you mean 'VASC'"),
        ({"VASC": [*CENTRE, {"Flop": {}}]}, r"^augment.by_class.VASC: unknown transform 'Flop'"),
        ({"VASC": []}, r"^augment.by_class.VASC turns images into"),
    ],
)
def test_mistakes_of_a_class_are_named(by_class: dict[str, Transforms], message: str):
    augment = AugmentConfig(train=CENTRE, by_class=by_class)
    with pytest.raises(SkinError, match=message):
        build_train_pipelines(augment, 16, ("NV", "VASC"))


@pytest.mark.parametrize("path", list_known_configs(), ids=lambda path: path.stem)
def test_the_pipelines_that_come_along_are_right(path: Path):
    config = load_config(path)
    side = config.data.image_size
    train = build_train_pipelines(config.augment, side, get_task(config.task).codes)
    evaluate = build_pipeline(config.augment.evaluate, side, "augment.evaluate")
    for pipeline in (train.default, *train.by_class.values(), evaluate):
        assert pipeline(image=image(side + 9, side + 50))["image"].dtype == np.uint8
