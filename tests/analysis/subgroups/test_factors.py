from __future__ import annotations

import numpy as np
import pandas as pd

from skin.analysis.subgroups.factors import age_bands, factors


def table(**columns):
    rows = len(next(iter(columns.values())))
    whole = {
        "age": [50.0] * rows,
        "sex": ["male"] * rows,
        "site": ["back"] * rows,
        "dx_type": ["histo"] * rows,
        "source": ["ham10000"] * rows,
    }
    return pd.DataFrame(whole | columns)


def test_age_bands():
    ages = pd.Series([0, 29, 30, 44.9, 45, 60, 74, 75, 120, np.nan])

    assert age_bands(ages).tolist() == [
        *["under 30"] * 2,
        *["30 to 44"] * 2,
        "45 to 59",
        *["60 to 74"] * 2,
        *["75 and over"] * 2,
        np.nan,
    ]


def test_levels_that_occur_by_count_and_unknown_last():
    images = table(site=["face", pd.NA, "back", "back", pd.NA, pd.NA], age=[20.0, 80] * 3)

    found = {factor.key: factor for factor in factors(images, np.arange(6))}

    assert found["site"].levels == ["back", "face", "unknown"]
    assert found["site"].of_image.tolist() == [1, 2, 0, 0, 2, 2]
    assert found["age"].levels == ["under 30", "75 and over"]
    assert found["dx_type"].levels == ["histopathology"]
    assert found["source"].levels == ["ham10000"]
    assert "skin_tone" not in found


def test_a_lesion_goes_with_most_of_its_images():
    images = table(site=["back", "face", "face", "back", "back"])

    site = next(one for one in factors(images, np.array([0, 0, 0, 1, 1])) if one.key == "site")

    assert [site.levels[i] for i in site.of_image] == ["face"] * 3 + ["back"] * 2


def test_skin_tone_keeps_its_order():
    tone = pd.Series(["dark", "light", "very light"])

    found = factors(table(age=[50.0] * 3), np.arange(3), tone)[-1]

    assert (found.key, found.levels) == ("skin_tone", ["very light", "light", "dark"])
