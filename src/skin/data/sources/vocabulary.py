"""One word for each sex and each site of the body, whichever archive names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

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
    """Lower case, and one word for the same site; finer ones become the site that holds them."""
    return values.astype("string").str.lower().replace(dict(_SITES))
