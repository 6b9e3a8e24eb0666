from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skin.data.dataset import DTYPES, tidy
from skin.data.stratify import assign_folds, group_images
from skin.errors import SkinError

NO_PAIRS = np.empty((0, 2), np.int64)


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


@given(datasets(), st.integers(2, 5), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_no_group_is_split_and_every_image_has_one_fold(
    drawn: tuple[pd.DataFrame, NDArray[np.int64]], k: int, seed: int
):
    images, pairs = drawn
    groups = group_images(images, pairs)
    if groups.max() + 1 < k:
        with pytest.raises(SkinError, match=f"{k} folds of"):
            assign_folds(images, groups, k, seed)
        return
    fold = assign_folds(images, groups, k, seed)
    assert len(fold) == len(images)
    assert set(fold) <= set(range(k))
    for column in ("lesion_id", "patient_id"):
        known = images[column].notna().to_numpy()
        parts = pd.Series(fold[known]).groupby(images[column][known].array)
        assert (parts.min() == parts.max()).all()
    assert (fold[pairs[:, 0]] == fold[pairs[:, 1]]).all()
    assert np.array_equal(fold, assign_folds(images, groups, k, seed))


def test_classes_are_spread_evenly():
    images = table(range(300), dx=["mel"] * 30 + ["nv"] * 270)
    counts = pd.crosstab(assign_folds(images, np.arange(300), 5, seed=0), images["dx"].array)
    assert counts["mel"].tolist() == [6] * 5
    assert counts["nv"].between(52, 56).all()


@pytest.mark.parametrize("seed", range(10))
def test_a_class_with_as_many_lesions_as_folds_is_in_each(seed: int):
    """Though each of its lesions has another number of images."""
    lesions = [*range(60), 100, 101, 101, 102, 102, 102]
    images = table(lesions, dx=["nv"] * 60 + ["df"] * 6)
    fold = assign_folds(images, group_images(images, NO_PAIRS), 3, seed)
    assert set(fold[60:]) == {0, 1, 2}
