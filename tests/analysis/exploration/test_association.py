from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats.contingency import association as scipy_association

from skin.analysis.exploration.association import (
    association,
    cramers_v,
    learned_auc,
    malignancy_auc,
)


def test_v_by_hand():
    """n = 100, chi² = 100 (30*40 - 20*10)²/(50*50*40*60) = 16.67; Bergsma (2013), eq. 3 to 5."""
    counts = np.array([[30.0, 20.0], [10.0, 40.0]])

    phi, noise = 1 / 6, 1 / 99
    assert cramers_v(counts, draws=0) == pytest.approx(np.sqrt(phi))
    assert cramers_v(counts) == pytest.approx(np.sqrt((phi - noise) / (2 - noise - 1)))


@given(arrays(np.int64, (3, 4), elements=st.integers(1, 50)))
def test_plain_v_is_scipys(counts):
    assert cramers_v(counts, draws=0) == pytest.approx(scipy_association(counts), abs=1e-9)
    assert 0 <= cramers_v(counts) <= 1


@pytest.mark.parametrize("draws", [0, 1, 2])
def test_what_gives_the_class_away_has_v_1(draws):
    assert cramers_v(np.diag([50.0, 30.0, 20.0]), draws) == pytest.approx(1)


def test_empty_rows_do_not_count_and_one_row_tells_nothing():
    counts = np.array([[30.0, 20.0], [10.0, 40.0]])
    padded = np.insert(counts, 1, 0, axis=0)

    assert cramers_v(padded) == cramers_v(counts)
    assert np.isnan(cramers_v(np.array([[3.0, 4.0]])))


def test_tables_are_taken_together():
    tables = np.random.default_rng(0).integers(1, 30, size=(5, 2, 3))

    assert cramers_v(tables).tolist() == [float(cramers_v(table)) for table in tables]


def cohort_of(make_cohort, sites, classes, **settings):
    rows = [{"dx": dx, "site": site} for dx, site in zip(classes, sites, strict=True)]
    return make_cohort(rows, **settings)


def test_the_interval_holds_the_truth_and_chance_is_below(make_cohort):
    """Sites follow the class in 70 of 100 cases: phi = 0.4."""
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(40):
        malignant = rng.random(300) < 0.5
        site = malignant ^ (rng.random(300) < 0.3)
        cohort = cohort_of(
            make_cohort, np.where(site, "back", "face"), np.where(malignant, "mel", "nv"), seed=seed
        )
        found, by_chance = association(cohort, cohort.lesions["site"])
        held += found.low <= 0.4 <= found.high
        assert by_chance < found.value
    assert held / 40 >= 0.85


def test_shuffled_sites_are_within_chance(make_cohort):
    rng = np.random.default_rng(1)
    below = 0
    for _ in range(30):
        sites = rng.choice(["back", "face", "foot"], 150)
        cohort = cohort_of(make_cohort, sites, rng.choice(["nv", "mel"], 150))
        found, by_chance = association(cohort, cohort.lesions["site"])
        below += found.value <= by_chance
        assert found.low == 0
    assert below >= 25


def test_a_missing_value_is_a_value(make_cohort):
    cohort = cohort_of(make_cohort, [None] * 20 + ["back"] * 20, ["mel"] * 20 + ["nv"] * 20)

    assert association(cohort, cohort.lesions["site"])[0].value == pytest.approx(1)


def test_auc_by_hand(make_cohort):
    """Of the 4 pairs of a malignant and a benign one, 2.5 are in order."""
    cohort = make_cohort([{"dx": dx} for dx in ("mel", "nv", "mel", "nv")])

    found = malignancy_auc(cohort, np.array([0.2, 0.2, 7.0, 1.0]))

    assert found.value == pytest.approx(2.5 / 4)


def test_learned_auc_uses_categories_numbers_and_missing_values(make_cohort):
    rng = np.random.default_rng(2)
    malignant = rng.random(200) < 0.5
    cohort = cohort_of(make_cohort, [None] * 200, np.where(malignant, "mel", "nv"))
    told = pd.DataFrame({"site": np.where(malignant, None, "back")})
    untold = pd.DataFrame({"number": rng.normal(size=200)})
    middle = pd.DataFrame({"number": np.where(malignant, rng.choice([-1, 1], 200), 0) * 1.0})

    assert learned_auc(cohort, told).value == 1
    assert learned_auc(cohort, middle).value == 1  # which no ranking by the number itself finds
    assert learned_auc(cohort, untold).low < 0.5


def test_learned_auc_is_not_fooled_by_images_of_one_lesion(make_cohort):
    """Each lesion has a number of its own, 4 images, and a class by lot."""
    rng = np.random.default_rng(3)
    classes = rng.choice(["mel", "nv"], 120)
    cohort = make_cohort(
        [{"dx": dx, "lesion_id": f"{i}"} for i, dx in enumerate(classes) for _ in range(4)]
    )
    own = pd.DataFrame({"number": np.repeat(rng.random(120), 4)})

    assert learned_auc(cohort, own).value < 0.65


def test_learned_auc_wants_fifty_lesions_of_each_side(make_cohort):
    cohort = make_cohort([{"dx": "mel"}] * 49 + [{"dx": "nv"}] * 50)

    assert learned_auc(cohort, cohort.images[["age"]]) is None
