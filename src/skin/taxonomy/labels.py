"""The diagnoses that a dataset's `dx` column can hold, whichever archive they come from.

Archives name lesions at different depth: HAM10000 says benign keratosis where ISIC 2020 tells
seborrheic keratosis from solar lentigo, and ISIC 2024 often says benign and no more. So a label is
a set of kinds, the finest diagnoses that any class of any challenge needs to tell apart. What two
labels of one lesion have in common is what both say of it; a label belongs to a class if all its
kinds do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """A finest diagnosis.

    Attributes:
        malignant: melanoma, carcinomas and their precursors.
        melanocytic: whether it grows from melanocytes; None where that is not one answer.
    """

    malignant: bool
    melanocytic: bool | None


KINDS: Final[Mapping[str, Kind]] = {
    "mel": Kind(malignant=True, melanocytic=True),
    "nv": Kind(malignant=False, melanocytic=True),
    "bcc": Kind(malignant=True, melanocytic=False),
    "ak": Kind(malignant=True, melanocytic=False),
    "bowen": Kind(malignant=True, melanocytic=False),
    "scc_invasive": Kind(malignant=True, melanocytic=False),
    "sk": Kind(malignant=False, melanocytic=False),
    "solar_lentigo": Kind(malignant=False, melanocytic=False),
    "lplk": Kind(malignant=False, melanocytic=False),
    "df": Kind(malignant=False, melanocytic=False),
    "vasc": Kind(malignant=False, melanocytic=False),
    "other_benign": Kind(malignant=False, melanocytic=None),
    "other_malignant": Kind(malignant=True, melanocytic=None),
}


def kinds_where(*, malignant: bool) -> frozenset[str]:
    """All kinds that are malignant, or all that are not."""
    return frozenset(name for name, kind in KINDS.items() if kind.malignant == malignant)


LABELS: Final[Mapping[str, frozenset[str]]] = {
    **{name: frozenset({name}) for name in KINDS if name != "scc_invasive"},
    "akiec": frozenset({"ak", "bowen"}),
    "scc": frozenset({"bowen", "scc_invasive"}),
    "bkl": frozenset({"sk", "solar_lentigo", "lplk"}),
    "benign": kinds_where(malignant=False),
    "malignant": kinds_where(malignant=True),
    "unknown": frozenset(KINDS),
}
"""What `dx` can be, and the kinds that each may mean."""

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "mel": (
        "melanoma",
        "malignant melanoma",
        "melanoma nos",
        "melanoma invasive",
        "melanoma in situ",
        "melanoma less than 0.76 mm",
        "melanoma 0.76 to 1.5 mm",
        "melanoma more than 1.5 mm",
        "melanoma metastasis",
        "lentigo maligna",
        "lentigo maligna melanoma",
        "malignant melanocytic proliferations (melanoma)",
        "superficial spreading melanoma",
        "nodular melanoma",
        "acral lentiginous melanoma",
        "amelanotic melanoma",
    ),
    "nv": (
        "nev",
        "nevus",
        "naevus",
        "melanocytic nevus",
        "nevus nos",
        "blue nevus",
        "clark nevus",
        "combined nevus",
        "congenital nevus",
        "dermal nevus",
        "recurrent nevus",
        "reed or spitz nevus",
        "spitz nevus",
        "reed nevus",
        "nevus spitz",
        "nevus spilus",
        "nevus nos compound",
        "nevus nos dermal",
        "nevus nos junctional",
        "nevus atypical dysplastic or clark",
        "nevus blue",
        "nevus combined",
        "nevus congenital",
        "nevus recurrent or persistent",
        "nevus of special anatomic site",
        "nevus acral",
        "dysplastic nevus",
        "atypical nevus",
        "acral nevus",
        "compound nevus",
        "junctional nevus",
        "intradermal nevus",
        "halo nevus",
        "benign melanocytic proliferations",
    ),
    "bcc": (
        "basal cell carcinoma",
        "basal cell carcinoma nos",
        "basal cell carcinoma nodular",
        "basal cell carcinoma superficial",
        "basal cell carcinoma infiltrating",
        "basal cell carcinoma pigmented",
    ),
    "ak": ("ack", "actinic keratosis", "solar keratosis", "solar or actinic keratosis"),
    "bowen": (
        "bod",
        "bowen's disease",
        "bowen disease",
        "squamous cell carcinoma in situ",
        "squamous cell carcinoma in situ bowens disease",
        "squamous cell carcinoma in situ bowen's disease",
    ),
    "akiec": (
        "actinic keratosis / bowen's disease",
        "actinic keratosis or bowen's disease",
        "actinic keratosis and intraepithelial carcinoma",
    ),
    "scc": (
        "squamous cell carcinoma",
        "squamous cell carcinoma nos",
        "squamous cell carcinoma invasive",
    ),
    "sk": ("sek", "seborrheic keratosis", "seborrhoeic keratosis"),
    "solar_lentigo": ("solar lentigo", "lentigo solar"),
    "lplk": (
        "lichenoid keratosis",
        "lichen planus like keratosis",
        "lichen planus-like keratosis",
        "benign lichenoid keratosis",
    ),
    "bkl": (
        "benign keratosis",
        "benign keratosis-like lesion",
        "pigmented benign keratosis",
    ),
    "df": ("dermatofibroma",),
    "vasc": (
        "vascular lesion",
        "angioma",
        "hemangioma",
        "haemangioma",
        "angiokeratoma",
        "pyogenic granuloma",
        "cherry angioma",
        "lymphangioma",
        "venous lake",
        "benign soft tissue proliferations - vascular",
    ),
    "other_benign": (
        "cafe-au-lait macule",
        "cafe au lait macule",
        "lentigo nos",
        "lentigo simplex",
        "lentigo",
        "melanosis",
        "ink-spot lentigo",
        "mucosal melanotic macule",
        "melanotic macule",
        "scar",
        "verruca",
        "wart",
        "neurofibroma",
        "clear cell acanthoma",
        "angiofibroma or fibrous papule",
        "fibrous papule",
        "sebaceous hyperplasia",
        "acrochordon",
        "angiofibroma",
        "fibroepithelial polyp",
        "skin tag",
        "ephelis",
        "lipoma",
        "keloid",
        "epidermal nevus",
        "nevus sebaceous",
        "sebaceous adenoma",
        "trichilemmoma",
        "trichoblastoma",
        "pilomatricoma",
        "syringoma",
        "juvenile xanthogranuloma",
        "molluscum contagiosum",
        "supernumerary nipple",
        "porokeratosis",
    ),
    "other_malignant": (
        "merkel cell carcinoma",
        "adnexal carcinoma",
        "cutaneous lymphoma",
        "kaposi sarcoma",
        "dermatofibrosarcoma protuberans",
        "sebaceous carcinoma",
        "angiosarcoma",
        "atypical fibroxanthoma",
        "mycosis fungoides",
        "extramammary paget disease",
    ),
    "benign": (),
    "malignant": (),
    "unknown": ("unk", "indeterminate"),
}

_SEPARATORS = re.compile(r"[\s_,;:()\[\]/-]+")


def _plain(text: str) -> str:
    return _SEPARATORS.sub(" ", text.lower()).strip()


_LABEL_OF: Final[Mapping[str, str]] = {
    _plain(word): label for label, words in _WORDS.items() for word in (label, *words)
}


def label_of(diagnosis: str) -> str | None:
    """The label that an archive's diagnosis means; none if it is not known here.

    Case, hyphens, underscores, commas and brackets make no difference.
    """
    return _LABEL_OF.get(_plain(diagnosis))


def merge_labels(first: str, second: str) -> str | None:
    """What two labels of one lesion say together; none if they contradict each other.

    `akiec` and `scc` can only both be right of Bowen's disease; `benign` and `nv` of a nevus.
    """
    both = LABELS[first] & LABELS[second]
    return next((label for label, kinds in LABELS.items() if kinds == both), None)


def labels_within(kinds: Iterable[str]) -> tuple[str, ...]:
    """The labels that mean nothing beside those kinds, in the order of `LABELS`."""
    whole = frozenset(kinds)
    return tuple(label for label, parts in LABELS.items() if parts <= whole)
