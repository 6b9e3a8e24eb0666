"""One word for each sex and each site of the body, whichever archive names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

DX_TYPES: Final[Mapping[str, str]] = {
    "histopathology": "histo",
    "serial imaging showing no change": "follow_up",
    "single image expert consensus": "consensus",
    "confocal microscopy with consensus dermoscopy": "confocal",
}
"""How a diagnosis was confirmed: the ISIC Archive's words, and HAM10000's for them."""

_SEXES: Final[Mapping[str, str]] = {"m": "male", "f": "female"}

_SITES: Final[Mapping[str, str]] = {
    "torso": "trunk",
    "head neck": "head/neck",
    "oral genital": "oral/genital",
    "palms soles": "palms/soles",
    "genital areas": "genital",
    "lower limbs": "lower extremity",
    "thigh": "lower extremity",
    "leg": "lower extremity",
    "upper limbs": "upper extremity",
    "arm": "upper extremity",
    "forearm": "upper extremity",
    "nose": "face",
    "lip": "face",
    "buttocks": "posterior torso",
}


def normalise_sex(values: pd.Series[str]) -> pd.Series[str]:
    """Lower case, and `male` and `female` for their first letters."""
    return values.astype("string").str.lower().replace(dict(_SEXES))


def normalise_site(values: pd.Series[str]) -> pd.Series[str]:
    """Lower case, and one word for what archives call differently.

    Words that only one archive has, as PAD-UFES-20's `nose` or Derm7pt's `buttocks`, become the
    site of the others that holds them. HAM10000's own finer sites, as `chest` and `scalp`, stay,
    and so do the ISIC Archive's coarser ones, as `anterior torso`.
    """
    return values.astype("string").str.lower().replace(dict(_SITES))
