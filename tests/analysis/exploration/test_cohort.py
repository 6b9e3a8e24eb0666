from __future__ import annotations

import pandas as pd
import pytest

from skin.analysis.exploration.cohort import percent, values_of
from skin.analysis.exploration.wording import notes


def test_classes_are_the_narrowest_and_the_most_frequent_first(make_cohort):
    cohort = make_cohort([{"dx": dx} for dx in ("mel", "sk", "sk", "sk", "mel")])

    assert cohort.codes == ("SK", "MEL")
    assert cohort.images["class"].tolist() == ["MEL", "SK", "SK", "SK", "MEL"]
    assert cohort.images["malignant"].tolist() == [True, False, False, False, True]
    assert cohort.has_both


@pytest.mark.parametrize(
    ("dx", "code"),
    [
        ("ak", "AK"),
        ("bowen", "AKIEC"),
        ("akiec", "AKIEC"),
        ("scc", "SCC"),
        ("lplk", "BKL"),
        ("other_malignant", "MAL"),
        ("benign", "BEN"),
    ],
)
def test_a_label_is_shown_as_the_narrowest_class_that_holds_it(make_cohort, dx, code):
    assert make_cohort([{"dx": dx}]).codes == (code,)


def test_what_is_not_diagnosed_has_a_class_of_its_own_and_is_told(make_cohort):
    cohort = make_cohort([{"dx": dx} for dx in ("mel", "unknown", None, "nv")])

    assert cohort.images["class"].tolist() == ["MEL", "UNK", "UNK", "NV"]
    assert cohort.images["malignant"].tolist() == [True, False, False, False]
    assert cohort.undiagnosed == 2
    assert "2 images of no known diagnosis count as class UNK" in notes(cohort)[0]
    assert make_cohort([{"dx": "nv"}]).undiagnosed == 0


def test_a_lesion_is_its_first_image(make_cohort):
    cohort = make_cohort(
        [
            {"dx": "nv", "lesion_id": "a", "site": "back"},
            {"dx": "nv", "lesion_id": "b"},
            {"dx": "mel", "lesion_id": "a", "site": "face"},
        ]
    )

    assert cohort.lesions["images"].tolist() == [2, 1]
    assert cohort.lesions["class"].tolist() == ["NV", "NV"]
    assert cohort.lesion.tolist() == [0, 1, 0]


def test_traits_are_those_that_differ(make_cohort):
    cohort = make_cohort(
        [{"dx": "nv", "age": 40, "sex": "male"}, {"dx": "nv", "age": 50, "sex": None}]
    )

    assert list(cohort.traits()) == ["age_band", "sex"]


@pytest.mark.parametrize(
    ("age", "band"), [(0, "under 30"), (29, "under 30"), (30, "30 to 44"), (75, "75 and over")]
)
def test_age_bands_are_closed_on_the_left(make_cohort, age, band):
    assert make_cohort([{"dx": "nv", "age": age}]).images["age_band"].tolist() == [band]


def test_values_are_in_the_order_of_their_counts_and_missing_ones_last():
    filled, order = values_of(pd.Series(["b", pd.NA, "a", "b", pd.NA, pd.NA], dtype="string"))

    assert order == ["b", "a", "missing"]
    assert filled.tolist() == ["b", "missing", "a", "b", "missing", "missing"]


def test_ages_are_in_their_own_order():
    _, order = values_of(pd.Series(["75 and over", "75 and over", "under 30"], dtype="string"))

    assert order == ["under 30", "75 and over"]


def test_rare_values_of_many_are_the_others():
    values = [f"{i:02d}" for i in range(20) for _ in range(20 - i)]

    filled, order = values_of(pd.Series(values, dtype="string"))

    assert order == [*(f"{i:02d}" for i in range(14)), "others"]
    assert (filled == "others").sum() == 6 + 5 + 4 + 3 + 2 + 1


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1, "100 %"), (0.125, "12.5 %"), (1 / 5403, "<0.1 %"), (0.999, "99.9 %")],
)
def test_percent(share, text):
    assert percent(share).replace("\N{NO-BREAK SPACE}", " ") == text
