"""Augmentation pipelines as the config declares them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import albumentations as A  # noqa: N812 - the name its documentation uses
import cv2
import numpy as np

from skin.config import AugmentConfig, Transforms
from skin.data.dermoscopy import Hair, Microscope, ShadesOfGray
from skin.data.randaugment import RandAugment
from skin.errors import SkinError, did_you_mean, first_line
from skin.randomness import image_generators

# Arguments that mean the size of the model's input.
_SIZE_ARGUMENTS: Mapping[str, Any] = {
    "size": lambda side: (side, side),
    "height": lambda side: side,
    "width": lambda side: side,
    "max_size": lambda side: side,
}

# Transforms that hold others, in an argument of this name.
_CHILDREN = "transforms"
_COMPOSITIONS: Mapping[str, Any] = {
    kind.__name__: kind for kind in (A.OneOf, A.SomeOf, A.RandomOrder, A.Sequential)
}
_OWN: Mapping[str, Any] = {
    kind.__name__: kind for kind in (Hair, Microscope, RandAugment, ShadesOfGray)
}
# What the model does itself.
_NORMALISING = {"Normalize", "ToFloat", "FromFloat", "ToTensorV2", "ToTensor3D"}
_ABSTRACT = {A.BasicTransform, A.DualTransform, A.ImageOnlyTransform}

_TRIALS = 8


@dataclass(frozen=True)
class TrainPipelines:
    """How training images are augmented, by class.

    Attributes:
        default: of the classes that have no pipeline of their own.
        by_class: class index -> its own pipeline.
    """

    default: A.Compose
    by_class: Mapping[int, A.Compose]


def build_train_pipelines(
    augment: AugmentConfig, image_size: int, codes: Sequence[str]
) -> TrainPipelines:
    """Build the training pipelines: `augment.train`, and `augment.by_class` over it.

    Args:
        augment: the config's section.
        image_size: the side in pixels.
        codes: the task's class codes, in order.

    Raises:
        SkinError: a pipeline is wrong, or a class is not the task's.
    """
    by_class = {}
    for code, transforms in augment.by_class.items():
        key = f"augment.by_class.{code}"
        if code not in codes:
            raise SkinError(f"{key}: the task has no class '{code}': {did_you_mean(code, codes)}")
        by_class[codes.index(code)] = build_pipeline(transforms, image_size, key)
    return TrainPipelines(build_pipeline(augment.train, image_size, "augment.train"), by_class)


def build_pipeline(transforms: Transforms, image_size: int, key: str) -> A.Compose:
    """Build a pipeline that turns any uint8 (H, W, 3) image into (image_size, image_size, 3).

    A transform is one of albumentations' or of the project's own (`Hair`, `Microscope`,
    `ShadesOfGray`, `RandAugment`). `OneOf`, `SomeOf`, `RandomOrder` and `Sequential` hold others:
    `{OneOf: {transforms: [{Blur: {}}, {GaussNoise: {}}], p: 0.5}}`; `OneOf` takes their `p` as
    weights.

    Args:
        transforms: a list of `{Transform: {argument: value}}`.
        image_size: the side in pixels; given to arguments that mean the size and are not set.
        key: the config's key, for messages.

    Raises:
        SkinError: a transform or an argument is unknown, a transform fails or would normalise the
            image, or the result is no uint8 image of that size.
    """
    # A seed of the pipeline's own would be mixed with the worker's number; each image brings its
    # own generators instead.
    pipeline = A.Compose([_build(entry, image_size, key) for entry in transforms])
    for trial in range(_TRIALS):
        pipeline.set_random_state(*image_generators(trial))
        _try_out(pipeline, image_size, key)
    return pipeline


def _try_out(pipeline: A.Compose, image_size: int, key: str) -> None:
    """Run a pipeline once and check what comes out."""
    black = np.zeros((image_size + 30, image_size + 70, 3), np.uint8)
    try:
        result = pipeline(image=black)["image"]
    except (ValueError, TypeError, LookupError, NotImplementedError, cv2.error) as error:
        raise SkinError(f"{key} fails: {first_line(error)}") from error
    if result.shape != (image_size, image_size, 3):
        height, width = result.shape[:2]
        raise SkinError(
            f"{key} turns images into {width}x{height} pixels, not {image_size}x{image_size}: "
            "let it hold RandomResizedCrop, or end with SmallestMaxSize and CenterCrop"
        )
    if result.dtype != np.uint8:
        raise SkinError(f"{key} turns images into {result.dtype}, not uint8")


def _build(entry: object, image_size: int, key: str) -> A.BasicTransform | A.BaseCompose:
    """Build the transform of one `{Transform: {arguments}}`, and those in it."""
    name, given = _parse(entry, key)
    transform = _find(name, key)
    accepted = inspect.signature(transform).parameters
    sizes = {k: make(image_size) for k, make in _SIZE_ARGUMENTS.items() if k in accepted}
    arguments = {**sizes, **{k: _tupled(v) for k, v in given.items() if k != _CHILDREN}}
    if name in _COMPOSITIONS:
        arguments[_CHILDREN] = _children(given, image_size, f"{key}: {name}")
    elif _CHILDREN in given:
        raise SkinError(f"{key}: {name} holds no transforms; {', '.join(_COMPOSITIONS)} do")
    with warnings.catch_warnings():
        # Albumentations only warns of an argument that it does not know, and goes on without.
        warnings.simplefilter("error", UserWarning)
        try:
            built = transform(**arguments)
        except (UserWarning, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise SkinError(f"{key}: {name}: {reason}") from None
    _check_numbers(built, f"{key}: {name}")
    return built


def _parse(entry: object, key: str) -> tuple[str, Mapping[str, Any]]:
    """Split `{Transform: {arguments}}`; no arguments may be left empty."""
    if isinstance(entry, Mapping) and len(entry) == 1:
        ((name, given),) = entry.items()
        if given is None or isinstance(given, Mapping):
            return str(name), given or {}
    raise SkinError(f"{key}: each entry is one {{Transform: {{arguments}}}}, not {entry!r}")


def _find(name: str, key: str) -> Any:  # noqa: ANN401 - a class of an untyped library
    if name in _NORMALISING:
        raise SkinError(
            f"{key}: {name} is no transform here, as the model normalises its uint8 images: "
            "leave it out, and set model.mean and model.std"
        )
    known = {**_OWN, **_COMPOSITIONS, **_of_albumentations()}
    if name not in known:
        raise SkinError(f"{key}: unknown transform '{name}': {did_you_mean(name, known)}")
    return known[name]


def _of_albumentations() -> dict[str, Any]:
    """Albumentations' transforms of images, by name."""
    return {
        name: kind
        for name, kind in vars(A).items()
        if inspect.isclass(kind)
        and issubclass(kind, A.BasicTransform)
        and not issubclass(kind, A.Transform3D)
        and kind not in _ABSTRACT
        and name not in _NORMALISING
    }


def _children(
    given: Mapping[str, Any], image_size: int, key: str
) -> list[A.BasicTransform | A.BaseCompose]:
    """The transforms that a composition holds."""
    entries = given.get(_CHILDREN)
    if not (isinstance(entries, Sequence) and not isinstance(entries, str) and entries):
        raise SkinError(f"{key}: write {_CHILDREN}: [{{Transform: {{arguments}}}}, ...]")
    built = [_build(entry, image_size, key) for entry in entries]
    if not any(transform.p for transform in built):
        raise SkinError(f"{key}: all its transforms have p: 0")
    return built


def _check_numbers(transform: A.BasicTransform | A.BaseCompose, key: str) -> None:
    """Check what albumentations checks of its transforms, and not of its compositions."""
    p, n = transform.p, getattr(transform, "n", 1)
    if not (isinstance(p, int | float) and 0 <= p <= 1):
        raise SkinError(f"{key}: p is {p!r}, not a number from 0 to 1")
    if isinstance(transform, A.SomeOf) and not (isinstance(n, int) and n >= 1):
        raise SkinError(f"{key}: n is {n!r}, not a whole number from 1")


def _tupled(value: Any) -> Any:  # noqa: ANN401 - an argument as YAML gives it
    """Albumentations wants tuples where YAML has lists."""
    if isinstance(value, Mapping):
        return {key: _tupled(v) for key, v in value.items()}
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value
