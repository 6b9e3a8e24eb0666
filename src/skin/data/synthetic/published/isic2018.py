"""HAM10000 as Kaggle gives it and as ISIC 2018's task 3 does: the same synthetic lesions."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from skin.data.synthetic.dataset import (
    METADATA,
    PARTS,
    TEST_IMAGES,
    TEST_TRUTH,
    write_synthetic,
)
from skin.data.synthetic.files import csv_text, new_folder, write_files, write_zip
from skin.data.synthetic.published.common import fewer
from skin.taxonomy import get_task

_CODES = get_task("isic2018").codes
_HEADER = ("image", *_CODES)
_CONFIRMED = {
    "histo": "histopathology",
    "follow_up": "serial imaging showing no change",
    "consensus": "single image expert consensus",
    "confocal": "confocal microscopy with consensus dermoscopy",
}
_ASPECT = 4 / 3


def write_ham10000(folder: Path, *, lesions: int = 40, seed: int = 0, side: int = 48) -> None:
    """Write HAM10000 as Kaggle gives it, with masks and ISIC 2018's test images beside.

    Args:
        folder: to make; it must not exist, or be empty.
        lesions: how many, of one to six images each.
        seed: of everything random.
        side: of an image's height in pixels; the width is 4/3 of it.

    Raises:
        SkinError: the folder is in use, or the lesions are too few.
    """
    others = fewer(lesions, _CODES)
    write_synthetic(
        folder, lesions=lesions, test_images=others, seed=seed, width=round(_ASPECT * side)
    )


def write_isic2018(folder: Path, *, lesions: int = 40, seed: int = 0, side: int = 48) -> None:
    """Write ISIC 2018's task 3: the images of `write_ham10000`, and validation and test images.

    Quirks: the truths of training and validation are CSVs in zips, the groupings have a
    byte-order mark and CRLF, `ATTRIBUTION.txt` and `LICENSE.txt` lie among the images.

    Args:
        folder: to make; it must not exist, or be empty.
        lesions: how many in training, of one to six images each.
        seed: of everything random.
        side: of an image's height in pixels; the width is 4/3 of it.

    Raises:
        SkinError: the folder is in use, or the lesions are too few.
    """
    with new_folder(folder) as root, TemporaryDirectory() as scratch:
        drawn = Path(scratch, "drawn")
        others = fewer(lesions, _CODES)
        write_synthetic(
            drawn, lesions=lesions, test_images=2 * others, seed=seed, width=round(_ASPECT * side)
        )
        _write_training(root, drawn)
        truth = _rows(drawn / TEST_TRUTH)
        _write_images(root, "Validation", drawn / TEST_IMAGES, truth[:others])
        _write_truth_zip(root, "Validation", truth[:others])
        _write_images(root, "Test", drawn / TEST_IMAGES, truth[others:])
        write_files(root, {TEST_TRUTH: _truth(truth[others:])})


def _write_training(root: Path, drawn: Path) -> None:
    rows = [{**row, "image": row["image_id"]} for row in _rows(drawn / METADATA)]
    by_part = {path.stem: path for part in PARTS for path in (drawn / part).iterdir()}
    for row in rows:
        row.update({code: str(float(code.lower() == row["dx"])) for code in _CODES})
    _write_zip(root, "Training", (by_part[row["image"]] for row in rows))
    _write_truth_zip(root, "Training", rows)
    groupings = csv_text(
        ("image", "lesion_id", "diagnosis_confirm_type"),
        ((row["image"], row["lesion_id"], _CONFIRMED[row["dx_type"]]) for row in rows),
        bom=True,
        line_end="\r\n",
    )
    write_files(root, {"ISIC2018_Task3_Training_LesionGroupings.csv": groupings})


def _write_images(root: Path, split: str, images: Path, rows: Iterable[Mapping[str, str]]) -> None:
    _write_zip(root, split, (images / f"{row['image']}.jpg" for row in rows))


def _write_zip(root: Path, split: str, images: Iterable[Path]) -> None:
    name = f"ISIC2018_Task3_{split}_Input"
    files: dict[str, bytes | str] = {f"{name}/{path.name}": path.read_bytes() for path in images}
    files[f"{name}/ATTRIBUTION.txt"] = "These lesions are drawn, not photographed.\n"
    files[f"{name}/LICENSE.txt"] = "CC0-1.0\n"
    write_zip(root / f"{name}.zip", files)


def _write_truth_zip(root: Path, split: str, rows: Iterable[Mapping[str, str]]) -> None:
    name = f"ISIC2018_Task3_{split}_GroundTruth"
    write_zip(root / f"{name}.zip", {f"{name}/{name}.csv": _truth(rows)})


def _truth(rows: Iterable[Mapping[str, str]]) -> str:
    return csv_text(_HEADER, ([row[column] for column in _HEADER] for row in rows))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
