"""A download from the ISIC Archive, of synthetic lesions."""

from __future__ import annotations

from pathlib import Path

from skin.data.synthetic.files import csv_text, new_folder, write_files
from skin.data.synthetic.published.common import Case, draw_cases, general_site
from skin.data.synthetic.published.png import png

_SHARES = {
    "nv": 4.0,
    "mel": 2.0,
    "bcc": 2.0,
    "sk": 1.0,
    "ak": 1.0,
    "bowen": 1.0,
    "df": 1.0,
    "vasc": 1.0,
    "unknown": 0.0,
}
# From the most general to the most specific, of five levels.
_LEVELS = {
    "nv": ("Benign", "Benign melanocytic proliferations", "Nevus", "Nevus, NOS, Compound"),
    "mel": (
        *("Malignant", "Malignant melanocytic proliferations (Melanoma)", "Melanoma Invasive"),
        *("Melanoma Invasive, Superficial spreading",),
    ),
    "bcc": (
        *("Malignant", "Malignant adnexal epithelial proliferations - Follicular"),
        *("Basal cell carcinoma", "Basal cell carcinoma, Nodular"),
    ),
    "sk": ("Benign", "Benign epidermal proliferations", "Seborrheic keratosis"),
    "ak": (
        *("Indeterminate", "Indeterminate epidermal proliferations"),
        *("Solar or actinic keratosis",),
    ),
    "bowen": (
        *("Malignant", "Malignant epidermal proliferations", "Squamous cell carcinoma in situ"),
        *("Squamous cell carcinoma in situ, Bowens disease",),
    ),
    "df": (*("Benign", "Benign soft tissue proliferations - Fibro-histiocytic", "Dermatofibroma"),),
    "vasc": ("Benign", "Benign soft tissue proliferations - Vascular", "Hobnail hemangioma"),
    "unknown": (
        *("Indeterminate", "Indeterminate melanocytic proliferations"),
        *("Atypical melanocytic neoplasm",),
    ),
}
_CONFIRMED = {
    "histo": "histopathology",
    "follow_up": "serial imaging showing no change",
    "consensus": "single image expert consensus",
    "confocal": "confocal microscopy with consensus dermoscopy",
}
_LICENCES = ("CC-0", "CC-BY", "CC-BY-NC")
_HEADER = (
    *("isic_id", "attribution", "copyright_license", "age_approx", "anatom_site_general"),
    *("anatom_site_special", "concomitant_biopsy"),
    *("diagnosis_1", "diagnosis_2", "diagnosis_3", "diagnosis_4", "diagnosis_5"),
    *("diagnosis_confirm_type", "image_type", "lesion_id", "melanocytic", "patient_id", "sex"),
)
_FIRST = 9_600_000
_STREAM = 70
_LESIONS_EACH = 2


def write_isic_archive(folder: Path, *, lesions: int = 40, seed: int = 0, side: int = 48) -> None:
    """Write `metadata.csv`, the images beside it, attributions and licences.

    Quirks: the table begins with a byte-order mark; every fourth lesion has no id, every third
    patient neither; one file ends with `.JPG`, one is a PNG, one has no row; one photograph is not
    dermoscopic; some diagnoses are indeterminate, and one of these means no label.

    Args:
        folder: to make; it must not exist, or be empty.
        lesions: how many; two a patient, with one to six images each.
        seed: of everything random.
        side: of an image in pixels.

    Raises:
        SkinError: the folder is in use, or the lesions are too few.
    """
    with new_folder(folder) as root:
        cases = draw_cases(
            _SHARES, lesions, seed=seed, side=side, stream=_STREAM, lesions_each=_LESIONS_EACH
        )
        rows: list[tuple[object, ...]] = []
        images: dict[str, bytes | str] = {}
        for case in cases:
            for data in case.images:
                name = f"ISIC_{_FIRST + len(rows):07d}"
                images[f"{name}{_suffix(len(rows))}"] = png(data) if len(rows) == 1 else data
                rows.append(_row(case, name, is_clinical=len(rows) == 0))
        images[f"ISIC_{_FIRST - 1:07d}.jpg"] = cases[0].images[0]
        write_files(root, images)
        write_files(
            root,
            {
                "metadata.csv": csv_text(_HEADER, rows, bom=True),
                "attribution.txt": "Nobody: drawn.\n",
                **{f"licenses/{licence}.txt": f"{licence}\n" for licence in _LICENCES},
            },
        )


def _suffix(number: int) -> str:
    return {0: ".JPG", 1: ".png"}.get(number, ".jpg")


def _row(case: Case, name: str, *, is_clinical: bool) -> tuple[object, ...]:
    patient, levels = case.patient, _LEVELS[case.label]
    return (
        name,
        "Nobody, drawn",
        _LICENCES[case.number % len(_LICENCES)],
        patient.age.removesuffix(".0"),
        general_site(patient.localization),
        "",
        str(patient.dx_type == "histo"),
        *levels,
        *[""] * (5 - len(levels)),
        _CONFIRMED[patient.dx_type],
        "clinical: close-up" if is_clinical else "dermoscopic",
        "" if case.number % 4 == 0 else f"IL_{_FIRST + case.number:07d}",
        str(case.label in {"nv", "mel"}),
        "" if case.bearer % 3 == 0 else f"IP_{_FIRST + case.bearer:07d}",
        patient.sex.replace("unknown", ""),
    )
