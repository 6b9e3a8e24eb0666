"""What lesions of each diagnosis look like, as numbers to draw from.

The traits follow the dermoscopic criteria of each class: a nevus is an even brown network or
globules with a soft edge; a melanoma larger, uneven, many-coloured, with dots and a blue veil; a
basal cell carcinoma pink with branching vessels and blue-grey nests; an actinic keratosis red,
flat and scaly; a benign keratosis sharply bordered with milia-like cysts and comedo-like plugs;
a dermatofibroma a white centre in a faint brown rim; a vascular lesion red to black lacunae.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np

from skin.data.synthetic.texture import Rng

MIMICRY = (0.8, 4.2)
"""Beta parameters of how far a lesion's traits move towards another class that it mimics: the
knob for how much the classes overlap. The mean is a third of the way; beyond a half, the lesion
looks more like the other class, so that no model can be right about all of them."""

_SPREAD = 0.22
_ABSENT = 0.1
_STRUCTURES_FROM = 8


@dataclass(frozen=True, kw_only=True)
class Traits:
    """How one lesion looks. Pigments are optical densities; structures are strengths from 0.

    Attributes:
        size: the radius, 1 being about a third of the image's height.
        irregularity: how far the border leaves an ellipse, as a share of the radius.
        softness: the width of the border's fading, as a share of the radius.
        asymmetry: how unevenly the pigment lies.
        mottling: how patchy it is.
        melanin: brown.
        veil: blue-grey, melanin deep in the skin.
        blood: pink to red.
        network: a pigment network.
        globules: round brown clods.
        dots: small dark dots towards the border.
        nests: blue-grey ovoid clods.
        cysts: milia-like, small and white.
        plugs: comedo-like openings, dark brown.
        vessels: branching.
        lacunae: red to black clods.
        scar: a white centre.
        scales: white and yellow flakes.
    """

    size: float
    irregularity: float
    softness: float
    asymmetry: float
    mottling: float
    melanin: float
    veil: float
    blood: float
    network: float = 0.0
    globules: float = 0.0
    dots: float = 0.0
    nests: float = 0.0
    cysts: float = 0.0
    plugs: float = 0.0
    vessels: float = 0.0
    lacunae: float = 0.0
    scar: float = 0.0
    scales: float = 0.0


TYPICAL: Mapping[str, Traits] = {
    "nv": Traits(
        size=0.75,
        irregularity=0.07,
        softness=0.45,
        asymmetry=0.15,
        mottling=0.15,
        melanin=0.85,
        veil=0.02,
        blood=0.25,
        network=0.6,
        globules=0.3,
    ),
    "mel": Traits(
        size=1.05,
        irregularity=0.2,
        softness=0.22,
        asymmetry=0.8,
        mottling=0.5,
        melanin=1.15,
        veil=0.7,
        blood=0.3,
        network=0.5,
        globules=0.3,
        dots=0.8,
    ),
    "bcc": Traits(
        size=0.8,
        irregularity=0.12,
        softness=0.25,
        asymmetry=0.3,
        mottling=0.2,
        melanin=0.1,
        veil=0.08,
        blood=0.35,
        nests=0.7,
        vessels=0.9,
        scar=0.25,
    ),
    "akiec": Traits(
        size=0.95,
        irregularity=0.22,
        softness=0.55,
        asymmetry=0.3,
        mottling=0.5,
        melanin=0.15,
        veil=0.02,
        blood=0.6,
        dots=0.15,
        scales=0.9,
    ),
    "bkl": Traits(
        size=0.95,
        irregularity=0.13,
        softness=0.14,
        asymmetry=0.25,
        mottling=0.4,
        melanin=0.55,
        veil=0.08,
        blood=0.1,
        globules=0.1,
        cysts=0.9,
        plugs=0.8,
        scales=0.2,
    ),
    "df": Traits(
        size=0.65,
        irregularity=0.06,
        softness=0.6,
        asymmetry=0.15,
        mottling=0.1,
        melanin=0.4,
        veil=0.02,
        blood=0.3,
        network=0.35,
        scar=0.9,
    ),
    "vasc": Traits(
        size=0.6,
        irregularity=0.1,
        softness=0.1,
        asymmetry=0.15,
        mottling=0.2,
        melanin=0.05,
        veil=0.25,
        blood=0.8,
        lacunae=1.0,
    ),
}

_MIMICS: Mapping[str, tuple[str, ...]] = {
    "nv": ("mel", "bkl", "df"),
    "mel": ("nv", "nv", "bkl"),
    "bcc": ("akiec", "vasc", "nv"),
    "akiec": ("bkl", "bcc"),
    "bkl": ("nv", "mel", "akiec"),
    "df": ("nv", "bcc"),
    "vasc": ("bcc", "mel"),
}


def draw_traits(dx: str, rng: Rng) -> Traits:
    """One lesion of the class: its typical traits, blended with a mimicked class's, and varied."""
    own = np.array(astuple(TYPICAL[dx]))
    mimicked = np.array(astuple(TYPICAL[rng.choice(_MIMICS[dx])]))
    values = own + rng.beta(*MIMICRY) * (mimicked - own)
    values *= rng.lognormal(0.0, _SPREAD, len(values))
    # A lesion seldom shows every structure of its class.
    values[_STRUCTURES_FROM:] *= rng.random(len(values) - _STRUCTURES_FROM) >= _ABSENT
    return Traits(**dict(zip(Traits.__dataclass_fields__, values.tolist(), strict=True)))
