"""ISIC 2017, part 3, of synthetic lesions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skin.data.synthetic.files import csv_text, new_folder, png, write_files, write_zip
from skin.data.synthetic.published.common import Case, draw_cases, fewer

_SHARES = {"nv": 3.0, "mel": 2.0, "sk": 2.0}
_HEADER = ("image_id", "melanoma", "seborrheic_keratosis")


class _Split(NamedTuple):
    """A split's name, the first of its image numbers, and its stream of random numbers."""

    name: str
    first: int
    stream: int


_TRAIN = _Split("Training", 9_200_000, 10)
_OTHERS = (_Split("Validation", 9_240_000, 11), _Split("Test_v2", 9_270_000, 12))


def write_isic2017(folder: Path, *, lesions: int = 40, seed: int = 0, side: int = 48) -> None:
    """Write training, validation and test images with their truths.

    Superpixels and metadata lie among the images, as do masks of part 1 beside them. Quirks: a
    byte-order mark, ages and sexes that are `unknown`, a suffix in capitals, an image without a
    row.

    Args:
        folder: to make; it must not exist, or be empty.
        lesions: how many in training, one image each.
        seed: of everything random.
        side: of an image in pixels.

    Raises:
        SkinError: the folder is in use, or the lesions are too few.
    """
    with new_folder(folder) as root:
        for split, count in ((_TRAIN, lesions), *((s, fewer(lesions, _SHARES)) for s in _OTHERS)):
            cases = draw_cases(
                _SHARES, count, seed=seed, side=side, stream=split.stream, images_each=1
            )
            _write_split(root, split, cases, side)


def _write_split(root: Path, split: _Split, cases: Sequence[Case], side: int) -> None:
    data = f"ISIC-2017_{split.name}_Data"
    names = [f"ISIC_{split.first + case.number:07d}" for case in cases]
    everywhere = png(np.ones((side, side), np.bool_))
    files: dict[str, bytes | str] = {}
    for name, case in zip(names, cases, strict=True):
        suffix = "JPG" if split is _TRAIN and case.number == 1 else "jpg"
        files[f"{data}/{name}.{suffix}"] = case.images[0]
        files[f"{data}/{name}_superpixels.png"] = everywhere
    if split is _TRAIN:
        files[f"{data}/ISIC_{split.first + len(cases):07d}.jpg"] = cases[0].images[0]
    files[f"{data}/{data}_metadata.csv"] = csv_text(
        ("image_id", "age_approximate", "sex"),
        (
            (name, case.patient.age.removesuffix(".0") or "unknown", case.patient.sex)
            for name, case in zip(names, cases, strict=True)
        ),
        bom=True,
    )
    write_zip(root / f"{data}.zip", files)
    masks = f"ISIC-2017_{split.name}_Part1_GroundTruth"
    write_zip(
        root / f"{masks}.zip", {f"{masks}/{name}_segmentation.png": everywhere for name in names}
    )
    truth = (
        (name, float(case.label == "mel"), float(case.label == "sk"))
        for name, case in zip(names, cases, strict=True)
    )
    write_files(root, {f"ISIC-2017_{split.name}_Part3_GroundTruth.csv": csv_text(_HEADER, truth)})
