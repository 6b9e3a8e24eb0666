"""ISIC 2019 of synthetic lesions: those of HAM10000, and as many half of other clinics."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from skin.data.synthetic.dataset import METADATA, PARTS
from skin.data.synthetic.files import csv_text, new_folder, write_files, write_zip
from skin.data.synthetic.published.common import Case, draw_cases, fewer, general_site
from skin.data.synthetic.published.isic2018 import write_ham10000
from skin.taxonomy import get_challenge

_COLUMNS = get_challenge("isic2019").columns
_SHARES = dict.fromkeys((code.lower() for code in _COLUMNS if code != "UNK"), 1.0)
_TEST_SHARES = {**_SHARES, "unknown": 2.0}

_FIRST, _FIRST_TEST = 9_300_000, 9_350_000
_STREAM, _TEST_STREAM = 20, 21
_FIRST_LESION = 9_300_000


class _Row(NamedTuple):
    """An image and what the tables say of it."""

    name: str
    data: bytes
    column: str
    lesion: str
    age: str
    sex: str
    site: str


def write_isic2019(folder: Path, *, lesions: int = 40, seed: int = 0, side: int = 48) -> None:
    """Write training and test images with truths and metadata.

    The training images hold all of `write_ham10000` with the same arguments, under the same ids;
    what is AKIEC there is AK or SCC here. The test images hold lesions of no class, UNK. Quirks:
    the other clinics' files are named `_downsampled`, lesion ids and more are missing, the
    metadata's lines end with a comma, and one training image has no row.

    Args:
        folder: to make; it must not exist, or be empty.
        lesions: how many of HAM10000's; there are half as many others, 24 at least.
        seed: of everything random.
        side: of an image's height in pixels.

    Raises:
        SkinError: the folder is in use, or the lesions are too few.
    """
    with new_folder(folder) as root:
        others = draw_cases(
            _SHARES, fewer(2 * lesions, _SHARES), seed=seed, side=side, stream=_STREAM
        )
        training = [*_ham10000(lesions, seed, side), *_rows(others, _FIRST, "_downsampled")]
        unseen = {f"ISIC_{_FIRST_TEST - 1:07d}": others[0].images[0]}
        _write_split(root, "Training", training, unseen)
        test = draw_cases(
            _TEST_SHARES,
            fewer(lesions, _TEST_SHARES),
            seed=seed,
            side=side,
            stream=_TEST_STREAM,
            images_each=1,
        )
        _write_split(root, "Test", _rows(test, _FIRST_TEST, "_downsampled"), {})


def _ham10000(lesions: int, seed: int, side: int) -> list[_Row]:
    with TemporaryDirectory() as scratch:
        drawn = Path(scratch, "drawn")
        write_ham10000(drawn, lesions=lesions, seed=seed, side=side)
        paths = {path.stem: path for part in PARTS for path in (drawn / part).iterdir()}
        with (drawn / METADATA).open(encoding="utf-8", newline="") as file:
            return [
                _Row(
                    row["image_id"],
                    paths[row["image_id"]].read_bytes(),
                    _column(row["dx"], int(row["lesion_id"].removeprefix("HAM_"))),
                    row["lesion_id"],
                    row["age"].removesuffix(".0"),
                    row["sex"],
                    row["localization"],
                )
                for row in csv.DictReader(file)
            ]


def _column(dx: str, lesion: int) -> str:
    if dx == "akiec":  # actinic keratoses, and Bowen's disease, which is a carcinoma in situ
        return ("AK", "SCC")[lesion % 2]
    return "UNK" if dx == "unknown" else dx.upper()


def _rows(cases: Iterable[Case], first: int, suffix: str) -> list[_Row]:
    """Every third lesion has no id, though it may have several images; every fourth no suffix."""
    rows: list[_Row] = []
    for case in cases:
        for data in case.images:
            number = first + len(rows)
            rows.append(
                _Row(
                    f"ISIC_{number:07d}{suffix if number % 4 else ''}",
                    data,
                    _column(case.label, case.number),
                    f"BCN_{_FIRST_LESION + case.number:07d}" if case.number % 3 else "",
                    case.patient.age.removesuffix(".0"),
                    case.patient.sex,
                    case.patient.localization,
                )
            )
    return rows


def _write_split(root: Path, split: str, rows: Sequence[_Row], unseen: dict[str, bytes]) -> None:
    """Write a split's images, those without a row included, its truth and its metadata."""
    name = f"ISIC_2019_{split}"
    images = {row.name: row.data for row in rows} | unseen
    inner = f"{name}_Input"
    write_zip(root / f"{inner}.zip", {f"{inner}/{n}.jpg": data for n, data in images.items()})
    is_test = split == "Test"
    weights = ("score_weight", "validation_weight") if is_test else ()
    truth = csv_text(
        ("image", *_COLUMNS, *weights),
        (
            (row.name, *(float(row.column == c) for c in _COLUMNS), *(1.0, 0.0)[: len(weights)])
            for row in rows
        ),
    )
    lesion = () if is_test else ("lesion_id",)
    metadata = csv_text(
        ("image", "age_approx", "anatom_site_general", *lesion, "sex"),
        (
            (
                row.name,
                row.age,
                general_site(row.site),
                *(() if is_test else (row.lesion,)),
                row.sex.replace("unknown", ""),
            )
            for row in rows
        ),
        trailing_comma=not is_test,
    )
    write_files(root, {f"{name}_GroundTruth.csv": truth, f"{name}_Metadata.csv": metadata})
