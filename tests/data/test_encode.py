from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.data.dataset import TEXT
from skin.data.encode import (
    METADATA_COLUMNS,
    METADATA_FIELDS,
    METADATA_SIZE,
    SEXES,
    SITES,
    encode_metadata,
)


def table(*rows: tuple[float | None, str | None, str | None]) -> pd.DataFrame:
    """Age, sex and site, typed as a dataset's table is."""
    made = pd.DataFrame(rows, columns=["age", "sex", "site"])
    return made.astype({"age": "float64", "sex": TEXT, "site": TEXT})


def said(row: tuple[float | None, str | None, str | None]) -> dict[str, float]:
    """What is not zero, by the column's name."""
    (values,) = encode_metadata(table(row)).tolist()
    return {name: value for name, value in zip(METADATA_COLUMNS, values, strict=True) if value != 0}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((50, "male", "back"), {"age / 100": 0.5, "age known": 1, "sex: male": 1, "site: back": 1}),
        ((None, "female", None), {"sex: female": 1}),
        ((0, None, None), {"age known": 1}),
        ((115, None, None), {"age / 100": 1, "age known": 1}),
        ((None, "other", "head/neck"), {"site: head/neck": 1}),
        ((None, None, "nail"), {"site: other": 1}),
        ((None, None, "other"), {"site: other": 1}),
        ((None, None, None), {}),
    ],
)
def test_by_hand(row: tuple[float | None, str | None, str | None], expected: dict[str, float]):
    assert said(row) == expected


def test_a_table_gives_a_row_an_image():
    encoded = encode_metadata(table((40, "male", "ear"), (None, None, None)))
    assert (encoded.dtype, encoded.shape) == (np.float32, (2, METADATA_SIZE))
    assert encoded.any(axis=1).tolist() == [True, False]
    assert encode_metadata(table()).shape == (0, METADATA_SIZE)


def test_other_columns_and_the_index_change_nothing():
    plain = table((40, "male", "ear"), (60, None, "nowhere"))
    odd = plain.assign(dx="mel").set_index(pd.Index([7, 7]))
    np.testing.assert_array_equal(encode_metadata(odd), encode_metadata(plain))


def test_the_fields_are_all_columns_in_order():
    places = [i for columns in METADATA_FIELDS.values() for i in range(METADATA_SIZE)[columns]]
    assert places == list(range(METADATA_SIZE))
    for field, columns in METADATA_FIELDS.items():
        assert all(name.startswith(field) for name in METADATA_COLUMNS[columns])


def test_the_columns_are_those_of_the_weights_that_were_trained():
    """Another number or order of columns makes every model with metadata useless."""
    assert METADATA_SIZE == 26
    assert len(set(SITES)) == len(SITES)
    assert METADATA_COLUMNS[:5] == (
        "age / 100",
        "age known",
        "sex: male",
        "sex: female",
        "site: abdomen",
    )
    assert METADATA_COLUMNS[-2:] == ("site: torso", "site: other")


@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(0, 120),
            st.none() | st.sampled_from(SEXES) | st.text(),
            st.none() | st.sampled_from(SITES) | st.text(min_size=1),
        ),
        max_size=8,
    )
)
def test_every_table(rows: list[tuple[float | None, str | None, str | None]]):
    encoded = encode_metadata(table(*rows))
    assert encoded.shape == (len(rows), METADATA_SIZE)
    assert np.isfinite(encoded).all()
    assert ((encoded >= 0) & (encoded <= 1)).all()
    for values, (age, sex, site) in zip(encoded, rows, strict=True):
        known = {"age": age is not None, "sex": sex in SEXES, "site": site is not None}
        for field, columns in METADATA_FIELDS.items():
            assert values[columns].any() == known[field]
        assert values[METADATA_FIELDS["sex"]].sum() <= 1
        assert values[METADATA_FIELDS["site"]].sum() <= 1
