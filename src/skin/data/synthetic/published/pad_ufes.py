"""PAD-UFES-20, as Mendeley Data publishes it, of synthetic lesions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skin.data.synthetic.files import csv_text, new_folder, write_files, write_zip
from skin.data.synthetic.published.common import Case, draw_cases
from skin.data.synthetic.published.png import png
from skin.data.synthetic.texture import Rng

_SHARES = {"ak": 3.0, "bcc": 3.0, "nv": 2.0, "sk": 2.0, "scc": 1.0, "mel": 1.0}
_DIAGNOSES = {"ak": "ACK", "bcc": "BCC", "nv": "NEV", "sk": "SEK", "scc": "SCC", "mel": "MEL"}
_REGIONS = {
    "back": "BACK",
    "trunk": "BACK",
    "abdomen": "ABDOMEN",
    "chest": "CHEST",
    "face": "NOSE",
    "ear": "EAR",
    "neck": "NECK",
    "scalp": "SCALP",
    "upper extremity": "FOREARM",
    "hand": "HAND",
    "lower extremity": "THIGH",
    "foot": "FOOT",
    "genital": "",
    "unknown": "",
}
_BIOPSIED = frozenset({"bcc", "scc", "mel"})
_ASKED = (
    *("smoke", "drink", "background_father", "background_mother"),  # before the age
    *("pesticide", "skin_cancer_history", "cancer_history"),
    *("has_piped_water", "has_sewage_system", "fitspatrick"),
)
_HEADER = (
    *("patient_id", "lesion_id", *_ASKED[:4], "age", _ASKED[4], "gender", *_ASKED[5:]),
    *("region", "diameter_1", "diameter_2", "diagnostic"),
    *("itch", "grew", "hurt", "changed", "bleed", "elevation", "img_id", "biopsed"),
)
_PARTS = 3
_FIRST_LESION = 90_000
_LESIONS_EACH = 2
_STREAM, _ASKING = 50, 51


def write_pad_ufes(folder: Path, *, lesions: int = 40, seed: int = 0, side: int = 48) -> None:
    """Write `metadata.csv` and `images/imgs_part_1.zip` to `3` of PNG files.

    Quirks: lesion ids are numbers, ages whole years; who was not biopsied was asked nothing, so
    that the gender and much else is missing; one image has no row.

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
        rng = np.random.default_rng([seed, _ASKING])
        rows, images = [], {}
        for case in cases:
            for number, data in enumerate(case.images):
                name = f"PAT_{case.bearer}_{_FIRST_LESION + case.number}_{100 + number}.png"
                rows.append(_row(case, name, rng))
                images[name] = png(data)
        images["PAT_0_0_0.png"] = png(cases[0].images[0])
        for part in range(_PARTS):
            inner = f"imgs_part_{part + 1}"
            own = {f"{inner}/{name}": images[name] for name in list(images)[part::_PARTS]}
            write_zip(root / "images" / f"{inner}.zip", own)
        write_files(root, {"metadata.csv": csv_text(_HEADER, rows)})


def _row(case: Case, name: str, rng: Rng) -> tuple[object, ...]:
    patient, is_biopsied = case.patient, case.label in _BIOPSIED
    truths = [str(value) for value in rng.random(12) < 1 / 2]
    answers = [*truths[:2], "POMERANIA", "GERMANY", *truths[2:7], "2.0"]
    asked = answers if is_biopsied else [""] * len(_ASKED)
    return (
        f"PAT_{case.bearer}",
        _FIRST_LESION + case.number,
        *asked[:4],
        patient.age.removesuffix(".0") or 50,
        asked[4],
        patient.sex.upper().replace("UNKNOWN", "") if is_biopsied else "",
        *asked[5:],
        _REGIONS[patient.localization],
        *(("6.0", "5.0") if is_biopsied else ("", "")),
        _DIAGNOSES[case.label],
        *truths[7:],
        "False",
        name,
        str(is_biopsied),
    )
