from __future__ import annotations

import pandas as pd
import pytest

from skin.data.sources.vocabulary import normalise_sex, normalise_site


@pytest.mark.parametrize(
    ("raw", "sex"),
    [("M", "male"), ("f", "female"), ("FEMALE", "female"), ("Male", "male"), ("other", "other")],
)
def test_sex(raw: str, sex: str):
    assert normalise_sex(pd.Series([raw])).tolist() == [sex]


@pytest.mark.parametrize(
    ("raw", "site"),
    [
        ("Torso", "trunk"),
        ("back", "back"),
        ("HEAD/NECK", "head/neck"),
        ("head neck", "head/neck"),
        ("Oral/Genital", "oral/genital"),
        ("FOREARM", "upper extremity"),
        ("lower limbs", "lower extremity"),
        ("NOSE", "face"),
        ("posterior torso", "posterior torso"),
    ],
)
def test_site(raw: str, site: str):
    assert normalise_site(pd.Series([raw])).tolist() == [site]


def test_what_is_missing_stays_missing():
    values = pd.Series([None, "back"], dtype="object")
    assert normalise_site(values).isna().tolist() == [True, False]
    assert normalise_sex(values).isna().tolist() == [True, False]


def test_normalising_twice_changes_nothing():
    raw = pd.Series(["torso", "ARM", "leg", "lip", "palms soles", "m"])
    once = normalise_site(raw)
    assert normalise_site(once).tolist() == once.tolist()
