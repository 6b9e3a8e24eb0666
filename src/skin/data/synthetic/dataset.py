"""Write a synthetic data set in the layout of HAM10000's Kaggle archive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skin.console import progress
from skin.data.synthetic.files import csv_text, jpeg, new_folder, png
from skin.data.synthetic.lesion import draw_lesion
from skin.data.synthetic.patients import (
    MIN_LESIONS_PER_CLASS,
    Patient,
    class_counts,
    draw_patient,
)
from skin.data.synthetic.scene import draw_person, photograph
from skin.data.synthetic.texture import Rng
from skin.data.synthetic.traits import draw_traits
from skin.errors import SkinError
from skin.files import write_text
from skin.taxonomy import get_task

METADATA = "HAM10000_metadata.csv"
PARTS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
MASKS = "HAM10000_segmentations_lesion_tschandl"
TEST_IMAGES = "ISIC2018_Task3_Test_Input"
TEST_TRUTH = "ISIC2018_Task3_Test_GroundTruth.csv"

_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
_TASK = get_task("isic2018")
_MIN_LESIONS = MIN_LESIONS_PER_CLASS * len(_TASK)
_MIN_WIDTH = 32
_MAP_PER_WIDTH = 1.2

# Streams of random numbers: each lesion of each stream has a generator of its own.
_ORDER, _LESIONS, _TEST = range(3)

# Above all numbers of ISIC's and HAM10000's own, so that nothing is taken for a real image.
_FIRST_LESION = 9_000_000
_FIRST_IMAGE = 9_000_000
_FIRST_TEST_IMAGE = 9_500_000


@dataclass(frozen=True)
class SyntheticSummary:
    """What was written.

    Attributes:
        root: the folder.
        lesions: how many lesions there are of each class, by `dx`.
        images: how many images, without the test images.
        test_images: how many test images.
    """

    root: Path
    lesions: dict[str, int]
    images: int
    test_images: int


@dataclass(frozen=True)
class _Lesion:
    """A lesion still to be drawn."""

    lesion_id: str
    image_ids: tuple[str, ...]
    patient: Patient
    rng: Rng


def write_synthetic(
    out: Path, *, lesions: int, test_images: int = 0, seed: int = 0, width: int = 160
) -> SyntheticSummary:
    """Write a data set of synthetic dermoscopic images, the same for the same arguments.

    Below `out` lie `HAM10000_metadata.csv`, the images in `HAM10000_images_part_1/` and
    `…part_2/`, and their lesions' masks as HAM10000's are published, in
    `HAM10000_segmentations_lesion_tschandl/`; with test images also those of
    `ISIC2018_Task3_Test_Input/`, unlabelled, and their truth in the official one-hot form,
    `ISIC2018_Task3_Test_GroundTruth.csv`.

    Args:
        out: the folder to make; it must not exist, or be empty.
        lesions: how many; a lesion has one to six images.
        test_images: how many, each of a lesion of its own.
        seed: of everything random.
        width: of an image in pixels; the height is three quarters of it.

    Raises:
        SkinError: `out` is not empty or cannot be written, or a number is too small.
    """
    _check_arguments(lesions, test_images, width)
    size = (width, round(width * 3 / 4))
    training = _plan(lesions, seed, _LESIONS, _FIRST_IMAGE, draw_count=True)
    test = _plan(test_images, seed, _TEST, _FIRST_TEST_IMAGE, draw_count=False)
    images = sum(lesion.patient.images for lesion in training)
    with new_folder(out) as root, progress() as bar:
        drawing = bar.add_task("Drawing", total=images + test_images)

        def advance() -> None:
            bar.advance(drawing)

        folder_of = _spread_over_parts(root, training)
        for lesion in training:
            _draw_images(lesion, folder_of, size, advance, masks=root / MASKS)
        write_text(root / METADATA, _metadata(training))
        if test:
            for lesion in test:
                _draw_images(lesion, lambda _: root / TEST_IMAGES, size, advance)
            write_text(root / TEST_TRUTH, _truth(test))
    return SyntheticSummary(out, class_counts(lesions), images, test_images)


def _check_arguments(lesions: int, test_images: int, width: int) -> None:
    if lesions < _MIN_LESIONS:
        raise SkinError(
            f"{lesions} lesions are too few: take {_MIN_LESIONS} or more, "
            f"so that each of the {len(_TASK)} classes has {MIN_LESIONS_PER_CLASS}"
        )
    if test_images < 0:
        raise SkinError(f"{test_images} test images: take 0 or more")
    if width < _MIN_WIDTH:
        raise SkinError(f"a width of {width} pixels is too small: take {_MIN_WIDTH} or more")


def _plan(lesions: int, seed: int, stream: int, first: int, *, draw_count: bool) -> list[_Lesion]:
    """Give each lesion its class, its metadata, its names and its own random numbers."""
    classes = [dx for dx, count in class_counts(lesions).items() for _ in range(count)]
    np.random.default_rng([seed, _ORDER, stream]).shuffle(classes)
    planned = []
    for number, dx in enumerate(classes):
        rng = np.random.default_rng([seed, stream, number])
        patient = draw_patient(dx, rng)
        count = patient.images if draw_count else 1
        names = tuple(f"ISIC_{first + image:07d}" for image in range(count))
        planned.append(_Lesion(f"HAM_{_FIRST_LESION + number:07d}", names, patient, rng))
        first += count
    return planned


def _spread_over_parts(root: Path, lesions: Sequence[_Lesion]) -> Callable[[str], Path]:
    """The folder of each image: the first half in part 1, the rest in part 2."""
    names = [name for lesion in lesions for name in lesion.image_ids]
    first = set(names[: len(names) // 2])
    return lambda name: root / PARTS[0 if name in first else 1]


def _draw_images(
    lesion: _Lesion,
    folder_of: Callable[[str], Path],
    size: tuple[int, int],
    advance: Callable[[], None],
    masks: Path | None = None,
) -> None:
    """Write a lesion's photographs and, where a folder for them is given, their masks."""
    rng = lesion.rng
    traits = draw_traits(lesion.patient.dx, rng)
    drawn = draw_lesion(traits, round(_MAP_PER_WIDTH * size[0]), rng)
    person = draw_person(rng)
    for name in lesion.image_ids:
        picture = photograph(drawn, person, size, rng)
        _write(folder_of(name) / f"{name}.jpg", jpeg(picture.pixels))
        if masks is not None:
            _write(masks / f"{name}_segmentation.png", png(picture.mask))
        advance()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def _metadata(lesions: Sequence[_Lesion]) -> str:
    rows = (
        (
            lesion.lesion_id,
            name,
            lesion.patient.dx,
            lesion.patient.dx_type,
            lesion.patient.age,
            lesion.patient.sex,
            lesion.patient.localization,
        )
        for lesion in lesions
        for name in lesion.image_ids
    )
    return csv_text(_COLUMNS, rows)


def _truth(lesions: Sequence[_Lesion]) -> str:
    index = _TASK.index_by_dx()
    one_hot = np.eye(len(_TASK))
    rows = (
        (name, *one_hot[index[lesion.patient.dx]].tolist())
        for lesion in lesions
        for name in lesion.image_ids
    )
    return csv_text(("image", *_TASK.codes), rows)
