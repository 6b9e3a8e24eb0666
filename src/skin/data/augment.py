"""Albumentations pipelines as the config declares them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

import albumentations as A  # noqa: N812 - the name its documentation uses
import numpy as np

from skin.config import Transforms
from skin.errors import SkinError, did_you_mean

# Arguments that mean the size of the model's input.
_SIZE_ARGUMENTS: Mapping[str, Any] = {
    "size": lambda side: (side, side),
    "height": lambda side: side,
    "width": lambda side: side,
    "max_size": lambda side: side,
}


def build_pipeline(transforms: Transforms, image_size: int, key: str) -> A.Compose:
    """Build a pipeline that turns any uint8 (H, W, 3) image into (image_size, image_size, 3).

    Args:
        transforms: a list of `{Transform: {argument: value}}`.
        image_size: the side in pixels; given to arguments that mean the size and are not set.
        key: the config's key, for messages.

    Raises:
        SkinError: a transform or an argument is unknown, or the result has another size.
    """
    # A seed of the pipeline's own would be mixed with the worker's number; each image brings its
    # own generators instead.
    pipeline = A.Compose([_build(entry, image_size, key) for entry in transforms])
    shape = pipeline(image=np.zeros((image_size + 30, image_size + 70, 3), np.uint8))["image"].shape
    if shape != (image_size, image_size, 3):
        raise SkinError(
            f"{key} turns images into {shape[1]}x{shape[0]} pixels, not {image_size}x{image_size}: "
            "let it hold RandomResizedCrop, or end with SmallestMaxSize and CenterCrop"
        )
    return pipeline


def _build(entry: Mapping[str, Mapping[str, Any]], image_size: int, key: str) -> A.BasicTransform:
    if len(entry) != 1:
        raise SkinError(f"{key}: each entry is one {{Transform: {{arguments}}}}, not {dict(entry)}")
    ((name, given),) = entry.items()
    transform = getattr(A, name, None)
    if not (inspect.isclass(transform) and issubclass(transform, A.BasicTransform)):
        known = [n for n, v in vars(A).items() if inspect.isclass(v)]
        raise SkinError(f"{key}: unknown transform '{name}': {did_you_mean(name, known)}")
    accepted = inspect.signature(transform).parameters
    sizes = {k: make(image_size) for k, make in _SIZE_ARGUMENTS.items() if k in accepted}
    arguments = {**sizes, **{k: _tupled(v) for k, v in (given or {}).items()}}
    with warnings.catch_warnings():
        # Albumentations only warns of an argument that it does not know, and goes on without.
        warnings.simplefilter("error", UserWarning)
        try:
            return transform(**arguments)
        except (UserWarning, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise SkinError(f"{key}: {name}: {reason}") from None


def _tupled(value: Any) -> Any:  # noqa: ANN401 - an argument as YAML gives it
    """Albumentations wants tuples where YAML has lists."""
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value
