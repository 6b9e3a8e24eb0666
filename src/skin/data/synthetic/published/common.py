"""Drawn lesions for the builders of published layouts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from skin.data.synthetic.files import jpeg
from skin.data.synthetic.lesion import draw_lesion
from skin.data.synthetic.patients import MIN_LESIONS_PER_CLASS, Patient, draw_patient
from skin.data.synthetic.scene import draw_person, photograph
from skin.data.synthetic.texture import Rng
from skin.data.synthetic.traits import TYPICAL, draw_traits
from skin.errors import SkinError

_GENERAL_SITES = {
    "anterior torso": ("abdomen", "chest", "trunk"),
    "posterior torso": ("back",),
    "head/neck": ("ear", "face", "neck", "scalp"),
    "lower extremity": ("lower extremity",),
    "oral/genital": ("genital",),
    "palms/soles": ("acral", "foot", "hand"),
    "upper extremity": ("upper extremity",),
}
_GENERAL_SITE = {fine: site for site, fines in _GENERAL_SITES.items() for fine in fines}

_ORDER, _BEARERS, _LESIONS = range(3, 6)  # streams beside those of `skin.data.synthetic.dataset`
_MAP_PER_HEIGHT = 1.6
_MOST_IMAGES = 6


@dataclass(frozen=True)
class Look:
    """How lesions of a label are drawn: as one of the seven classes, with traits of their own."""

    like: str
    traits: Mapping[str, float]


LOOKS: Mapping[str, Look] = {
    **{dx: Look(dx, {}) for dx in TYPICAL},
    "ak": Look("akiec", {}),
    "bowen": Look("akiec", {"vessels": 0.8}),
    "scc": Look("akiec", {"size": 1.3, "vessels": 1.0, "scar": 0.4}),
    "sk": Look("bkl", {}),
    "solar_lentigo": Look("bkl", {"cysts": 0.0, "plugs": 0.0, "network": 0.5}),
    "lplk": Look("bkl", {"cysts": 0.0, "plugs": 0.0, "dots": 0.8}),
    "other_benign": Look("df", {"melanin": 0.05, "scar": 1.4, "network": 0.0}),
    "other_malignant": Look("bcc", {"blood": 1.2, "nests": 0.0, "size": 1.3}),
    "benign": Look("nv", {}),
    "malignant": Look("mel", {}),
    "unknown": Look("df", {"melanin": 0.05, "scar": 1.6, "veil": 0.4, "network": 0.0}),
}
"""What can be drawn, by label of the taxonomy."""


@dataclass(frozen=True)
class Case:
    """A lesion and its photographs.

    Attributes:
        number: from 0, of all that were drawn together.
        label: a key of `LOOKS`.
        bearer: the number of the person who has it, and may have others.
        patient: what is known of it, in HAM10000's words; an unknown age is empty, unknown sex
            and site are `unknown`. Age and sex are the bearer's.
        images: JPEG files.
    """

    number: int
    label: str
    bearer: int
    patient: Patient
    images: tuple[bytes, ...]


def draw_cases(
    shares: Mapping[str, float],
    lesions: int,
    *,
    seed: int,
    side: int,
    stream: int = 0,
    lesions_each: int = 1,
    images_each: int | None = None,
) -> list[Case]:
    """Draw lesions in mixed order, the same for the same arguments.

    Args:
        shares: how frequent each label is, in any unit; the labels are keys of `LOOKS`.
        lesions: how many; each label has at least `MIN_LESIONS_PER_CLASS`.
        seed: of everything random.
        side: of an image in pixels; images are square.
        stream: another number draws other lesions: one a split.
        lesions_each: how many lesions a person has.
        images_each: how many photographs a lesion has; if not given, one to six by chance.

    Raises:
        SkinError: too few lesions, or negative.
    """
    labels = [label for label, count in counts(shares, lesions).items() for _ in range(count)]
    np.random.default_rng([seed, _ORDER, stream]).shuffle(labels)
    cases: list[Case] = []
    for number, label in enumerate(labels):
        bearer = number // lesions_each
        rng = np.random.default_rng([seed, _LESIONS, stream, number])
        patient = draw_patient(LOOKS[label].like, rng)
        if number % lesions_each:
            other = cases[bearer * lesions_each].patient
            patient = replace(patient, age=other.age, sex=other.sex)
        if images_each is not None:
            patient = replace(patient, images=images_each)
        person = np.random.default_rng([seed, _BEARERS, stream, bearer])
        images = _photographs(label, patient.images, side, rng, person)
        cases.append(Case(number, label, bearer, patient, images))
    return cases


def counts(shares: Mapping[str, float], lesions: int) -> dict[str, int]:
    """How many of `lesions` each label has: at least three, the rest by largest remainder.

    Raises:
        SkinError: there are too few.
    """
    least = MIN_LESIONS_PER_CLASS * len(shares)
    if lesions < least:
        raise SkinError(
            f"{lesions} lesions are too few: take {least} or more, so that each of the "
            f"{len(shares)} diagnoses has {MIN_LESIONS_PER_CLASS}"
        )
    weights = np.array(list(shares.values()), dtype=float)
    exact = (lesions - least) * weights / weights.sum()
    whole = np.floor(exact).astype(int)
    by_remainder = np.argsort(whole - exact, kind="stable")
    whole[by_remainder[: lesions - least - whole.sum()]] += 1
    return {
        label: MIN_LESIONS_PER_CLASS + int(more) for label, more in zip(shares, whole, strict=True)
    }


def fewer(lesions: int, labels: Collection[str]) -> int:
    """How many lesions a validation or test set has, beside that many for training."""
    return max(lesions // 4, MIN_LESIONS_PER_CLASS * len(labels))


def general_site(localization: str, *, one_torso: bool = False) -> str:
    """The site in the ISIC Archive's coarser words; empty where it is not known.

    Args:
        localization: in HAM10000's words.
        one_torso: do not tell its front from its back.
    """
    site = _GENERAL_SITE.get(localization, "")
    return "torso" if one_torso and site.endswith(" torso") else site


def _photographs(label: str, count: int, side: int, rng: Rng, person: Rng) -> tuple[bytes, ...]:
    look = LOOKS[label]
    traits = replace(draw_traits(look.like, rng), **look.traits)
    lesion = draw_lesion(traits, round(_MAP_PER_HEIGHT * side), rng)
    skin = draw_person(person)
    return tuple(
        jpeg(photograph(lesion, skin, (side, side), rng).pixels)
        for _ in range(min(count, _MOST_IMAGES))
    )
