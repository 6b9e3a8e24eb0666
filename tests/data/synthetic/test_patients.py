from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skin.data.synthetic.patients import class_counts, draw_patient
from skin.taxonomy import TASKS

CLASSES = tuple(code.lower() for code in TASKS["isic2018"].codes)
FREQUENT_TO_RARE = ("nv", "bkl", "mel", "bcc", "akiec", "vasc", "df")


@cache
def draw(dx: str, count: int = 600):
    rng = np.random.default_rng(0)
    return [draw_patient(dx, rng) for _ in range(count)]


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 20_000))
def test_class_counts_add_up_and_keep_their_order(lesions: int):
    counts = class_counts(lesions)
    assert tuple(counts) == FREQUENT_TO_RARE
    assert sum(counts.values()) == lesions
    # Rounding to whole lesions may swap neighbours of nearly equal shares by one.
    assert all(a >= b - 1 for a, b in zip(counts.values(), list(counts.values())[1:], strict=False))
    if lesions >= 21:
        assert min(counts.values()) >= 3


def test_class_counts_by_hand():
    assert class_counts(21) == dict.fromkeys(FREQUENT_TO_RARE, 3)
    assert class_counts(0) == dict.fromkeys(FREQUENT_TO_RARE, 0)
    counts = class_counts(10_000)
    assert counts["nv"] / counts["df"] == pytest.approx((0.723 / 0.010) ** 0.5, rel=0.02)


def test_the_smallest_demo_has_three_folds_of_every_class():
    assert min(class_counts(140).values()) >= 6


@pytest.mark.parametrize("dx", CLASSES)
def test_values_are_those_of_ham10000(dx: str):
    patients = draw(dx, 300)
    assert {p.dx for p in patients} == {dx}
    assert {p.sex for p in patients} <= {"male", "female", "unknown"}
    assert {p.dx_type for p in patients} <= {"histo", "follow_up", "consensus", "confocal"}
    ages = {float(p.age) for p in patients if p.age}
    assert all(0 <= age <= 85 and age % 5 == 0 for age in ages)
    assert all(1 <= p.images <= 6 for p in patients)


def test_a_few_values_are_missing():
    patients = draw("nv")
    for missing in (
        [not p.age for p in patients],
        [p.sex == "unknown" for p in patients],
        [p.localization == "unknown" for p in patients],
    ):
        assert 0.003 < np.mean(missing) < 0.06


def test_metadata_depend_on_the_class():
    mean_age = {dx: np.mean([float(p.age) for p in draw(dx) if p.age]) for dx in CLASSES}
    assert mean_age["nv"] < 50
    assert min(mean_age["bcc"], mean_age["akiec"], mean_age["bkl"]) > 60
    site = {dx: Counter(p.localization for p in draw(dx)).most_common(1)[0][0] for dx in CLASSES}
    assert site["df"] == "lower extremity"
    assert site["akiec"] == "face"
    assert {p.dx_type for p in draw("mel", 100)} == {"histo"}
    assert np.mean([p.images for p in draw("mel")]) > np.mean([p.images for p in draw("nv")]) + 0.3
