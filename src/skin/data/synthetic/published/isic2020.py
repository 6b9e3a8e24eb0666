"""SIIM-ISIC 2020, as ISIC publishes it, of synthetic lesions."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image

from skin.data.synthetic.files import csv_text, new_folder, write_files, write_zip
from skin.data.synthetic.published.common import Case, draw_cases, fewer, general_site

_SHARES = {"benign": 4.0, "nv": 2.0, "mel": 3.0, "sk": 1.0, "other_benign": 0.0}
_DIAGNOSES = {
    "benign": "unknown",
    "nv": "nevus",
    "mel": "melanoma",
    "sk": "seborrheic keratosis",
    "other_benign": "lentigo NOS",
}
_UNMAPPED = "atypical melanocytic proliferation"
_TRUTH_HEADER = (
    "image_name",
    "patient_id",
    "lesion_id",
    "sex",
    "age_approx",
    "anatom_site_general_challenge",
    "diagnosis",
    "benign_malignant",
    "target",
)
_FIRST, _FIRST_TEST = 9_400_000, 9_450_000
_STREAM, _TEST_STREAM = 30, 31
_LESIONS_EACH = 3
_COPY_QUALITY = 80


def write_isic2020(folder: Path, *, lesions: int = 40, seed: int = 0, side: int = 48) -> None:
    """Write training images with the truth's second version and the duplicates; and test images.

    The test's truth is not there, as it was never published. Quirks: lines end with CRLF, most
    diagnoses are `unknown` and one means no label, two images are re-encoded copies under other
    ids, and one has no row.

    Args:
        folder: to make; it must not exist, or be empty.
        lesions: how many in training, one image each, and three a patient.
        seed: of everything random.
        side: of an image in pixels.

    Raises:
        SkinError: the folder is in use, or the lesions are too few.
    """
    with new_folder(folder) as root:
        cases = _draw(lesions, seed, side, _STREAM)
        copies = [
            replace(case, number=lesions + i, images=(_recoded(case.images[0]),))
            for i, case in enumerate(cases[:2])
        ]
        named = {f"ISIC_{_FIRST + case.number:07d}": case for case in (*cases, *copies)}
        images = {name: case.images[0] for name, case in named.items()}
        unseen = {f"ISIC_{_FIRST_TEST - 1:07d}": cases[0].images[0]}
        pairs = list(zip(list(named), list(named)[lesions:], strict=False))
        write_zip(root / "ISIC_2020_Training_JPEG.zip", _jpegs("train", images | unseen))
        write_files(
            root,
            {
                "ISIC_2020_Training_GroundTruth_v2.csv": _truth(named),
                "ISIC_2020_Training_Duplicates.csv": csv_text(
                    ("image_name_1", "image_name_2"), pairs, line_end="\r\n"
                ),
            },
        )
        _write_test(root, _draw(fewer(lesions, _SHARES), seed, side, _TEST_STREAM))


def _draw(lesions: int, seed: int, side: int, stream: int) -> list[Case]:
    return draw_cases(
        _SHARES,
        lesions,
        seed=seed,
        side=side,
        stream=stream,
        lesions_each=_LESIONS_EACH,
        images_each=1,
    )


def _truth(named: Mapping[str, Case]) -> str:
    odd = next(name for name, case in named.items() if case.label == "benign")
    rows = (
        (
            name,
            _patient(case, _FIRST),
            f"IL_{_FIRST + case.number:07d}",
            *_described(case),
            _UNMAPPED if name == odd else _DIAGNOSES[case.label],
            "malignant" if case.label == "mel" else "benign",
            int(case.label == "mel"),
        )
        for name, case in named.items()
    )
    return csv_text(_TRUTH_HEADER, rows, line_end="\r\n")


def _write_test(root: Path, cases: Iterable[Case]) -> None:
    named = {f"ISIC_{_FIRST_TEST + case.number:07d}": case for case in cases}
    jpegs = _jpegs("ISIC_2020_Test_Input", {name: case.images[0] for name, case in named.items()})
    write_zip(root / "ISIC_2020_Test_JPEG.zip", jpegs)
    header = ("image", "patient_id", "sex", "age_approx", "anatom_site_general_challenge")
    rows = ((name, _patient(case, _FIRST_TEST), *_described(case)) for name, case in named.items())
    write_files(root, {"ISIC_2020_Test_Metadata.csv": csv_text(header, rows, line_end="\r\n")})


def _patient(case: Case, first: int) -> str:
    return f"IP_{first + case.bearer:07d}"


def _described(case: Case) -> tuple[str, str, str]:
    patient = case.patient
    sex = patient.sex.replace("unknown", "")
    return sex, patient.age, general_site(patient.localization, one_torso=True)


def _jpegs(folder: str, images: Mapping[str, bytes]) -> dict[str, bytes | str]:
    return {f"{folder}/{name}.jpg": data for name, data in images.items()}


def _recoded(data: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).save(buffer, "JPEG", quality=_COPY_QUALITY)
    return buffer.getvalue()
