"""Which of the images show one lesion, from a CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from skin.analysis.metrics import IntArray
from skin.console import note
from skin.data.sources.metadata import image_id, normalise, read_csv
from skin.errors import SkinError, name_some
from skin.inference.inputs import IMAGE_COLUMNS, InputImage

_LESION = "lesion_id"


def lesions_of(inputs: Sequence[InputImage], path: Path) -> IntArray:
    """Number the lesions that several of the images show, and say how many they are.

    Args:
        inputs: the images to predict.
        path: a CSV with a column `lesion_id` and one of images (`image`, `image_id`, ...). It may
            name other images, too; an image without a row or a lesion is a lesion of its own.

    Returns:
        (N,) the lesion's number for each of `inputs`, from 0; -1 for an image that is alone.

    Raises:
        SkinError: the file cannot be read, lacks a column, names an image twice, or names none of
            the images.
    """
    lesions = _read(path).reindex([image_id(image.image_id) for image in inputs])
    if lesions.isna().all():
        raise SkinError(f"{path} names none of the {len(inputs):,} images, as {inputs[0].image_id}")
    together = lesions.where(lesions.duplicated(keep=False))
    numbers, names = pd.factorize(together)
    in_company = int((numbers >= 0).sum())
    note(
        f"{in_company:,} of {len(inputs):,} images show one of {len(names):,} lesions together "
        "with others: they get its mean"
    )
    return numbers.astype(np.int64)


def _read(path: Path) -> pd.Series[str]:
    """The lesions of a CSV's images, by image id."""
    try:
        raw = read_csv(path.read_bytes(), str(path))
    except OSError as error:
        raise SkinError(f"cannot read {path}: {error.strerror}") from None
    column = next((name for name in IMAGE_COLUMNS if name in raw.columns), None)
    if column is None or _LESION not in raw.columns:
        raise SkinError(
            f"{path} needs a column '{_LESION}' and one of images ({', '.join(IMAGE_COLUMNS)}); "
            f"it has {name_some(raw.columns)}"
        )
    table = normalise(raw, {"image_id": column, _LESION: _LESION}, str(path))
    return table.set_index("image_id")[_LESION]
