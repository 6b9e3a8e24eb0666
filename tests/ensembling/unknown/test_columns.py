from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skin.ensembling.unknown import with_unknown

SHARES = st.one_of(st.just(0.0), st.just(1.0), st.floats(1e-300, 1.0))
ODDS = st.one_of(
    st.sampled_from([0.0, 1.0, np.nextafter(1, 2), np.nextafter(1, 0), np.inf]),
    st.floats(0, 1e300),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count, classes = draw(st.integers(1, 4)), draw(st.integers(2, 8))
    # Few values, so that ties come up.
    pool = st.sampled_from(draw(st.lists(SHARES, min_size=1, max_size=4)))
    values = draw(arrays(np.float64, (count, classes), elements=st.one_of(pool, SHARES)))
    return values, draw(arrays(np.float64, count, elements=ODDS))


@given(cases())
def test_the_last_column_is_the_only_highest_exactly_where_the_odds_are_above_1(
    case: tuple[np.ndarray, np.ndarray],
):
    values, odds = case
    full = with_unknown(values, odds)
    assert full.shape == (len(values), values.shape[1] + 1)
    assert ((full >= 0) & (full <= 1)).all()
    assert ((full[:, -1] > full[:, :-1].max(axis=1)) == (odds > 1)).all()
    # Nor does it tie with the highest, which would make no decision of a known image.
    known = (odds <= 1) & (values.max(axis=1) > 0)
    assert (full[known, -1] < full[known, :-1].max(axis=1)).all()


@given(cases())
def test_the_classes_keep_their_order_and_their_ties(case: tuple[np.ndarray, np.ndarray]):
    values, odds = case
    before, after = values[:, :, None], with_unknown(values, odds)[:, :-1, None]
    assert ((before < before.swapaxes(1, 2)) == (after < after.swapaxes(1, 2))).all()


@given(arrays(np.float64, 6, elements=ODDS))
def test_the_column_ranks_images_as_their_odds_do(odds: np.ndarray):
    shares = np.full((6, 4), 0.25)
    shares[::2] = [0.7, 0.1, 0.1, 0.1]
    column = with_unknown(shares, odds)[:, -1]
    order = np.argsort(odds)
    assert (np.diff(column[order]) >= 0).all()


def test_by_hand():
    values = np.array([[0.8, 0.2], [0.8, 0.2]])
    expected = [[0.8, 0.2, 0.125], [0.4, 0.1, 0.75]]
    assert with_unknown(values, np.array([0.5, 3.0])).tolist() == expected


def test_what_is_no_share_or_no_odds_is_refused():
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        with_unknown(np.array([[1.5, 0]]), np.array([1.0]))
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        with_unknown(np.array([[0.5, 0.5]]), np.array([np.nan]))
    with pytest.raises(ValueError, match=r"got \(1, 2\), \(2,\)"):
        with_unknown(np.array([[0.5, 0.5]]), np.array([1.0, 1.0]))
