from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
from numpy.typing import NDArray

from skin.data.dataset import DTYPES, tidy
from skin.data.stratify import assign_groups, assign_images, group_images
from skin.errors import SkinError

NO_PAIRS = np.empty((0, 2), np.int64)
HOLDOUTS = [(0.8, 0.2), (0.7, 0.15, 0.15)]


def equal(k: int) -> tuple[float, ...]:
    return (1 / k,) * k


def table(
    lesions: Sequence[int], patients: list[str | None] | None = None, dx: str | list[str] = "nv"
):
    count = len(lesions)
    return tidy(
        pd.DataFrame(
            {
                **dict.fromkeys(DTYPES),
                "image_id": [f"i{number:04d}" for number in range(count)],
                "lesion_id": [f"L{lesion}" for lesion in lesions],
                "patient_id": patients or [None] * count,
                "dx": dx if isinstance(dx, list) else [dx] * count,
                "age": np.arange(count) % 90.0,
                "width": 1,
                "height": 1,
            }
        )
    )


def test_groups_join_lesions_patients_and_pairs():
    images = table([1, 1, 2, 3, 4, 5], patients=[None, "P", "P", None, None, None])
    groups = group_images(images, np.array([[3, 4]]))
    assert groups.tolist() == [0, 0, 0, 1, 1, 2]


def test_missing_patients_are_not_one_patient():
    assert group_images(table([1, 2, 3]), NO_PAIRS).tolist() == [0, 1, 2]


@st.composite
def datasets(draw: st.DrawFn):
    count = draw(st.integers(6, 40))
    lesions = draw(st.lists(st.integers(0, count), min_size=count, max_size=count))
    patients = draw(
        st.lists(
            st.sampled_from([None, *(f"P{n}" for n in range(count))]),
            min_size=count,
            max_size=count,
        )
    )
    rows = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(rows, rows), max_size=5))
    return table(lesions, patients), np.array(pairs, np.int64).reshape(-1, 2)


@given(datasets(), st.integers(2, 5).map(equal) | st.sampled_from(HOLDOUTS), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_no_group_is_split_and_every_image_has_one_part(
    drawn: tuple[pd.DataFrame, NDArray[np.int64]], shares: tuple[float, ...], seed: int
):
    images, pairs = drawn
    groups = group_images(images, pairs)
    if groups.max() + 1 < len(shares):
        with pytest.raises(SkinError, match=f"{len(shares)} parts of"):
            assign_groups(images, groups, shares, seed)
        return
    part = assign_groups(images, groups, shares, seed)
    assert len(part) == len(images)
    assert set(part) <= set(range(len(shares)))
    for column in ("lesion_id", "patient_id"):
        known = images[column].notna().to_numpy()
        parts = pd.Series(part[known]).groupby(images[column][known].array)
        assert (parts.min() == parts.max()).all()
    assert (part[pairs[:, 0]] == part[pairs[:, 1]]).all()
    assert np.array_equal(part, assign_groups(images, groups, shares, seed))


def test_classes_are_spread_evenly():
    images = table(range(300), dx=["mel"] * 30 + ["nv"] * 270)
    part = assign_groups(images, np.arange(300), equal(5), seed=0)
    counts = pd.crosstab(part, images["dx"].array)
    assert counts["mel"].tolist() == [6] * 5
    assert counts["nv"].between(52, 56).all()


def test_patients_of_very_unequal_size_make_parts_of_equal_size():
    random = np.random.default_rng(0)
    sizes = np.clip(random.lognormal(3, 1.2, 200), 1, 800).astype(int)
    images = table(np.repeat(np.arange(200), sizes).tolist())
    part = assign_groups(images, group_images(images, NO_PAIRS), equal(4), seed=0)
    shares = np.bincount(part) / len(part)
    assert shares.tolist() == pytest.approx([0.25] * 4, abs=0.03)


@pytest.mark.parametrize("shares", HOLDOUTS)
def test_a_holdout_has_the_shares_of_images_and_of_each_class(shares: tuple[float, ...]):
    """Lesions have one to four images, the rare class more than the common one."""
    random = np.random.default_rng(0)
    sizes = np.concatenate([random.integers(2, 5, 40), random.integers(1, 4, 260)])
    dx = np.repeat(["mel"] * 40 + ["nv"] * 260, sizes).tolist()
    images = table(np.repeat(np.arange(300), sizes).tolist(), dx=dx)
    part = assign_groups(images, group_images(images, NO_PAIRS), shares, seed=0)
    counts = pd.crosstab(part, images["dx"].array)
    assert (counts.sum(axis=1) / len(images)).tolist() == pytest.approx(shares, abs=0.02)
    assert (counts["mel"] / counts["mel"].sum()).tolist() == pytest.approx(shares, abs=0.05)
    assert (counts["nv"] / counts["nv"].sum()).tolist() == pytest.approx(shares, abs=0.02)


@pytest.mark.parametrize(
    ("shares", "mel", "nv"),
    [
        ((0.8, 0.2), [16, 4], [64, 16]),
        ((0.7, 0.15, 0.15), [14, 3, 3], [56, 12, 12]),
        (equal(5), [4] * 5, [16] * 5),
    ],
)
def test_images_are_split_by_class_whatever_their_lesion(
    shares: tuple[float, ...], mel: list[int], nv: list[int]
):
    images = table([*range(10), *range(10), *[99] * 80], dx=["mel"] * 20 + ["nv"] * 80)
    part = assign_images(images, shares, seed=0)
    counts = pd.crosstab(part, images["dx"].array)
    assert counts["mel"].tolist() == mel
    assert counts["nv"].tolist() == nv
    assert np.array_equal(part, assign_images(images, shares, seed=0))
    assert not np.array_equal(part, assign_images(images, shares, seed=1))


def test_more_parts_than_images():
    with pytest.raises(SkinError, match="3 parts of 2 images: choose from 2 to 2"):
        assign_images(table([1, 1]), equal(3), seed=0)


def test_equal_shares_are_the_folds_of_the_library():
    """Folds that were frozen by an earlier release come out as they were."""
    images = table(range(60), dx=["mel", "nv", "nv"] * 20)
    splitter = MultilabelStratifiedKFold(n_splits=4, shuffle=True, random_state=7)
    expected = np.empty(60, np.int64)
    labels = pd.get_dummies(images["dx"]).to_numpy(int)
    for fold, (_, held_out) in enumerate(splitter.split(np.zeros(60), labels)):
        expected[held_out] = fold
    assert np.array_equal(assign_images(images, equal(4), seed=7), expected)


@pytest.mark.parametrize("seed", range(10))
def test_a_class_with_as_many_lesions_as_folds_is_in_each(seed: int):
    """Though each of its lesions has another number of images."""
    lesions = [*range(60), 100, 101, 101, 102, 102, 102]
    images = table(lesions, dx=["nv"] * 60 + ["df"] * 6)
    part = assign_groups(images, group_images(images, NO_PAIRS), equal(3), seed)
    assert set(part[60:]) == {0, 1, 2}
