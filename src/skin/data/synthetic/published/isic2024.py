"""ISIC 2024 (SLICE-3D), as Kaggle publishes it, of synthetic lesions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from skin.data.synthetic.files import csv_text, new_folder, write_files
from skin.data.synthetic.published.common import Case, draw_cases, fewer, general_site
from skin.data.synthetic.texture import Rng

_SHARES = {"benign": 6.0, "nv": 2.0, "sk": 1.0, "mel": 2.0, "bcc": 2.0}
_MALIGNANT = frozenset({"mel", "bcc"})
# The diagnosis from the most general to the most specific, of five levels.
_LEVELS = {
    "benign": ("Benign",),
    "nv": ("Benign", "Benign melanocytic proliferations", "Nevus"),
    "sk": ("Benign", "Benign epidermal proliferations", "Seborrheic keratosis"),
    "mel": (
        "Malignant",
        "Malignant melanocytic proliferations (Melanoma)",
        "Melanoma in situ",
        "Melanoma in situ, Superficial spreading",
    ),
    "bcc": (
        "Malignant",
        "Malignant adnexal epithelial proliferations - Follicular",
        "Basal cell carcinoma",
    ),
}
# Of two lesions that are not malignant: a precursor of a carcinoma, and what no label means.
_ODD = (
    ("Indeterminate", "Indeterminate epidermal proliferations", "Solar or actinic keratosis"),
    ("Indeterminate", "Indeterminate melanocytic proliferations", "Atypical melanocytic neoplasm"),
)
_BODY = ("Torso Back Middle Third", "Left Leg - Lower", "Right Arm - Upper", "Head & Neck")

_DESCRIBED = (
    *("isic_id", "patient_id", "age_approx", "sex", "anatom_site_general"),
    *("clin_size_long_diam_mm", "image_type", "tbp_tile_type"),
)
_MEASURES = tuple(
    f"tbp_lv_{name}"
    for name in (
        *("A", "Aext", "B", "Bext", "C", "Cext", "H", "Hext", "L", "Lext", "areaMM2"),
        *("area_perim_ratio", "color_std_mean", "deltaA", "deltaB", "deltaL", "deltaLB"),
        *("deltaLBnorm", "eccentricity", "location", "location_simple", "minorAxisMM"),
        *("nevi_confidence", "norm_border", "norm_color", "perimeterMM"),
        *("radial_color_std_max", "stdL", "stdLExt", "symm_2axis", "symm_2axis_angle"),
        *("x", "y", "z"),
    )
)
_TERMS = ("attribution", "copyright_license")
_DIAGNOSED = (
    *("lesion_id", "iddx_full", "iddx_1", "iddx_2", "iddx_3", "iddx_4", "iddx_5"),
    *("mel_mitotic_index", "mel_thick_mm", "tbp_lv_dnn_lesion_confidence"),
)

_FIRST, _FIRST_TEST = 9_700_000, 9_750_000
_STREAM, _TEST_STREAM, _MEASURED = 40, 41, 42
_LESIONS_EACH = 3


def write_isic2024(folder: Path, *, lesions: int = 40, seed: int = 0, side: int = 48) -> None:
    """Write `train-image.hdf5`, `train-metadata.csv`, and both for the test, without its truth.

    Quirks: only what is known more closely than benign has a lesion id; two diagnoses are
    indeterminate, one of them without a label; ages and sites are missing; one image has no row.
    A third is malignant, where it is one in a thousand of SLICE-3D.

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
        images = {_name(case, _FIRST): case.images[0] for case in cases}
        unseen = {f"ISIC_{_FIRST_TEST - 1:07d}": cases[0].images[0]}
        write_hdf5(root / "train-image.hdf5", images | unseen)
        write_files(root, {"train-metadata.csv": _training_table(cases, seed)})
        test = _draw(fewer(lesions, _SHARES), seed, side, _TEST_STREAM)
        write_hdf5(root / "test-image.hdf5", {_name(c, _FIRST_TEST): c.images[0] for c in test})
        rng = np.random.default_rng([seed, _MEASURED, 1])
        table = csv_text(
            (*_DESCRIBED, *_MEASURES, *_TERMS), (_known(c, _FIRST_TEST, rng) for c in test)
        )
        write_files(root, {"test-metadata.csv": table})


def write_hdf5(path: Path, images: Mapping[str, bytes]) -> None:
    """Write image files as an HDF5 file's datasets, each one opaque value, by their keys."""
    import h5py  # noqa: PLC0415 - slow to import, and no other layout needs it

    with h5py.File(path, "w") as file:
        for key, data in images.items():
            file.create_dataset(key, data=np.void(data))


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


def _name(case: Case, first: int) -> str:
    return f"ISIC_{first + case.number:07d}"


def _training_table(cases: Iterable[Case], seed: int) -> str:
    rng = np.random.default_rng([seed, _MEASURED, 0])
    odd = iter(_ODD)
    rows = []
    for case in cases:
        name, *known = _known(case, _FIRST, rng)
        levels = next(odd, _LEVELS["benign"]) if case.label == "benign" else _LEVELS[case.label]
        rows.append((name, int(case.label in _MALIGNANT), *known, *_diagnosed(case, levels, rng)))
    header = (_DESCRIBED[0], "target", *_DESCRIBED[1:], *_MEASURES, *_TERMS, *_DIAGNOSED)
    return csv_text(header, rows)


def _known(case: Case, first: int, rng: Rng) -> tuple[object, ...]:
    """The columns that both tables have, without the target."""
    patient = case.patient
    return (
        _name(case, first),
        f"IP_{first + case.bearer:07d}",
        patient.age,
        patient.sex.replace("unknown", ""),
        general_site(patient.localization),
        f"{rng.uniform(2.5, 12.0):.2f}",
        "TBP tile: close-up",
        ("3D: white", "3D: XP")[case.number % 2],
        *_measured(rng),
        "Nobody's clinic, drawn",
        "CC-0",
    )


def _measured(rng: Rng) -> Iterator[str]:
    for name in _MEASURES:
        value = f"{rng.uniform(0.0, 50.0):.6f}"
        yield str(rng.choice(_BODY)) if name.startswith("tbp_lv_location") else value


def _diagnosed(case: Case, levels: tuple[str, ...], rng: Rng) -> tuple[object, ...]:
    lesion = "" if levels == _LEVELS["benign"] else f"IL_{_FIRST + case.number:07d}"
    padded = (*levels, *[""] * (5 - len(levels)))
    return lesion, "::".join(levels), *padded, "", "", f"{rng.uniform(50.0, 100.0):.6f}"
