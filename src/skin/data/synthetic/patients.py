"""Who bears which lesion: classes, ages, sexes and sites, distributed as in HAM10000."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skin.data.synthetic.texture import Rng

MIN_LESIONS_PER_CLASS = 3

_MISSING_AGE = 0.02
_MISSING_SEX = 0.02
_MISSING_SITE = 0.03


@dataclass(frozen=True)
class _Profile:
    """What HAM10000's metadata say of one class (its 7,470 lesions, 10,015 images).

    Attributes:
        share: of the lesions.
        images: the mean number of photographs of a lesion.
        age: mean and standard deviation in years.
        male: the share of men.
        dx_types: how the diagnosis was confirmed, with probabilities.
        sites: the commoner sites, with weights in per cent.
    """

    share: float
    images: float
    age: tuple[float, float]
    male: float
    dx_types: Mapping[str, float]
    sites: Mapping[str, float]


_PROFILES: Mapping[str, _Profile] = {
    "nv": _Profile(
        0.723,
        1.24,
        (46.5, 15.2),
        0.52,
        {"follow_up": 0.55, "histo": 0.37, "consensus": 0.08},
        {"lower extremity": 22, "back": 21, "trunk": 19, "abdomen": 13, "upper extremity": 10}
        | {"foot": 4, "chest": 3, "neck": 2, "face": 2, "scalp": 1, "hand": 1, "genital": 1},
    ),
    "bkl": _Profile(
        0.097,
        1.51,
        (64.3, 14.1),
        0.58,
        {"histo": 0.70, "consensus": 0.24, "confocal": 0.06},
        {"face": 29, "back": 18, "lower extremity": 16, "upper extremity": 10, "chest": 7}
        | {"trunk": 7, "abdomen": 4, "scalp": 3, "neck": 3, "hand": 1},
    ),
    "mel": _Profile(
        0.082,
        1.81,
        (60.7, 15.2),
        0.62,
        {"histo": 1.0},
        {"back": 29, "upper extremity": 19, "lower extremity": 17, "face": 9, "abdomen": 6}
        | {"chest": 6, "trunk": 4, "neck": 3, "foot": 3, "ear": 2, "scalp": 1},
    ),
    "bcc": _Profile(
        0.044,
        1.57,
        (66.8, 13.7),
        0.62,
        {"histo": 1.0},
        {"back": 36, "face": 20, "lower extremity": 11, "upper extremity": 10, "chest": 9}
        | {"abdomen": 4, "scalp": 4, "neck": 3, "trunk": 2},
    ),
    "akiec": _Profile(
        0.031,
        1.43,
        (66.5, 11.5),
        0.68,
        {"histo": 1.0},
        {"face": 35, "lower extremity": 20, "upper extremity": 19, "back": 9, "hand": 4}
        | {"scalp": 4, "chest": 4, "neck": 3, "abdomen": 2},
    ),
    "vasc": _Profile(
        0.013,
        1.45,
        (51.4, 21.6),
        0.49,
        {"consensus": 0.53, "histo": 0.47},
        {"trunk": 22, "lower extremity": 19, "abdomen": 19, "back": 16, "upper extremity": 8}
        | {"face": 6, "chest": 4, "hand": 4, "neck": 2},
    ),
    "df": _Profile(
        0.010,
        1.58,
        (53.0, 13.6),
        0.55,
        {"consensus": 0.52, "histo": 0.48},
        {"lower extremity": 71, "upper extremity": 21, "abdomen": 3, "back": 2, "foot": 2},
    ),
}


@dataclass(frozen=True)
class Patient:
    """A lesion's row of metadata, in HAM10000's words; a missing age is empty.

    Attributes:
        dx: the diagnosis.
        dx_type: how it was confirmed.
        age: years, in steps of five.
        sex: `male`, `female` or `unknown`.
        localization: the site, or `unknown`.
        images: how many photographs there are.
    """

    dx: str
    dx_type: str
    age: str
    sex: str
    localization: str
    images: int


def class_counts(lesions: int) -> dict[str, int]:
    """How many of `lesions` each class has, adding up exactly.

    The shares are the square roots of HAM10000's, normalised: the same order and a clear
    imbalance (9:1 instead of 74:1), with rare classes large enough for folds in a small set.
    Each class has at least three lesions if there are 21 or more.
    """
    least = min(MIN_LESIONS_PER_CLASS, lesions // len(_PROFILES))
    shares = np.sqrt([profile.share for profile in _PROFILES.values()])
    exact = (lesions - least * len(_PROFILES)) * shares / shares.sum()
    counts = np.floor(exact).astype(int)
    by_remainder = np.argsort(counts - exact, kind="stable")
    counts[by_remainder[: lesions - least * len(_PROFILES) - counts.sum()]] += 1
    return {dx: least + int(count) for dx, count in zip(_PROFILES, counts, strict=True)}


def draw_patient(dx: str, rng: Rng) -> Patient:
    """Draw a lesion's metadata; a few values are missing, somewhat more than in HAM10000."""
    profile = _PROFILES[dx]
    years = 5 * round(float(np.clip(rng.normal(*profile.age), 0.0, 85.0)) / 5)
    sex = "male" if rng.random() < profile.male else "female"
    site = _choose(profile.sites, rng)
    lost_age, lost_sex, lost_site = rng.random(3) < (_MISSING_AGE, _MISSING_SEX, _MISSING_SITE)
    return Patient(
        dx=dx,
        dx_type=_choose(profile.dx_types, rng),
        age="" if lost_age else f"{years:.1f}",
        sex="unknown" if lost_sex else sex,
        localization="unknown" if lost_site else site,
        images=1 + min(int(rng.poisson(profile.images - 1.0)), 5),
    )


def _choose(weights: Mapping[str, float], rng: Rng) -> str:
    values = np.array(list(weights.values()), dtype=float)
    return str(rng.choice(list(weights), p=values / values.sum()))
