"""Derm7pt's `release_v0`, of synthetic lesions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skin.data.synthetic.files import csv_text, new_folder, write_files
from skin.data.synthetic.published.common import Case, draw_cases

_SHARES = {
    "nv": 6.0,
    "mel": 3.0,
    "bcc": 1.0,
    "sk": 1.0,
    "df": 1.0,
    "vasc": 1.0,
    "other_benign": 1.0,
    "unknown": 1.0,
}
_DIAGNOSES = {
    "nv": (
        *("clark nevus", "reed or spitz nevus", "dermal nevus", "blue nevus"),
        *("congenital nevus", "combined nevus", "recurrent nevus"),
    ),
    "mel": (
        *("melanoma (in situ)", "melanoma (less than 0.76 mm)", "melanoma (0.76 to 1.5 mm)"),
        *("melanoma (more than 1.5 mm)", "melanoma metastasis", "melanoma"),
    ),
    "bcc": ("basal cell carcinoma",),
    "sk": ("seborrheic keratosis",),
    "df": ("dermatofibroma",),
    "vasc": ("vascular lesion",),
    "other_benign": ("lentigo", "melanosis"),
    "unknown": ("miscellaneous",),
}
_LOCATIONS = {
    "back": "back",
    "trunk": "back",
    "abdomen": "abdomen",
    "chest": "chest",
    "face": "head neck",
    "ear": "head neck",
    "neck": "head neck",
    "scalp": "head neck",
    "upper extremity": "upper limbs",
    "hand": "acral",
    "lower extremity": "lower limbs",
    "foot": "acral",
    "genital": "genital areas",
    "unknown": "buttocks",
}
_CRITERIA = (
    *("pigment_network", "streaks", "pigmentation", "regression_structures"),
    *("dots_and_globules", "blue_whitish_veil", "vascular_structures"),
)
_HEADER = (
    *("case_num", "diagnosis", "seven_point_score", *_CRITERIA),
    *("level_of_diagnostic_difficulty", "elevation", "location", "sex", "management"),
    *("clinic", "derm", "case_id", "notes"),
)
_FOLDERS = ("NEL", "FAL", "GZL")
_PARTS = ("train", "valid", "test")
_STREAM = 60
_LESIONS_EACH = 2


def write_derm7pt(folder: Path, *, lesions: int = 40, seed: int = 0, side: int = 48) -> None:
    """Write `release_v0/images` and `release_v0/meta`, with the three lists of indexes.

    Quirks: each case has a clinical photograph too, `.JPG`; every third has no `case_id`, and the
    others share one by two; a file's suffix is in another case than its row says; two dermoscopic
    images in different folders have one name; one image has no row; one diagnosis means no label.

    Args:
        folder: to make; it must not exist, or be empty.
        lesions: how many, with one dermoscopic and one clinical image each.
        seed: of everything random.
        side: of an image in pixels.

    Raises:
        SkinError: the folder is in use, or the lesions are too few.
    """
    with new_folder(folder) as root:
        cases = draw_cases(
            _SHARES,
            lesions,
            seed=seed,
            side=side,
            stream=_STREAM,
            lesions_each=_LESIONS_EACH,
            images_each=2,
        )
        files: dict[str, bytes | str] = {"images/NEL/Nel000.jpg": cases[0].images[0]}
        for case in cases:
            clinical, dermoscopic = _paths(case)
            suffix = ".JPG" if case.number == 0 else ".jpg"
            files[f"images/{dermoscopic.removesuffix('.jpg')}{suffix}"] = case.images[0]
            files[f"images/{clinical}"] = case.images[1]
        files["meta/meta.csv"] = csv_text(_HEADER, map(_row, cases))
        for place, part in enumerate(_PARTS):
            indexes: Sequence[int] = range(place, len(cases), len(_PARTS))
            files[f"meta/{part}_indexes.csv"] = csv_text(("indexes",), ((i,) for i in indexes))
        write_files(root / "release_v0", files)


def _paths(case: Case) -> tuple[str, str]:
    """The clinical and the dermoscopic image's; the second case is named as the first is."""
    folder = _FOLDERS[case.number % len(_FOLDERS)]
    stem = _FOLDERS[0] if case.number == 1 else folder
    number = 2 * (0 if case.number == 1 else case.number) + 1
    return (
        f"{folder}/{stem.upper()}{number:03d}.JPG",
        f"{folder}/{stem.capitalize()}{number + 1:03d}.jpg",
    )


def _row(case: Case) -> tuple[object, ...]:
    names = _DIAGNOSES[case.label]
    patient = case.patient
    clinical, dermoscopic = _paths(case)
    return (
        case.number + 1,
        names[case.number % len(names)],
        2,
        *["absent"] * len(_CRITERIA),
        "medium",
        "flat",
        _LOCATIONS[patient.localization],
        patient.sex.replace("unknown", ""),
        "excision",
        clinical,
        dermoscopic,
        "" if case.bearer % 3 == 0 else f"case {case.bearer}",
        "",
    )
