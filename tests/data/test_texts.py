from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.data.archive.texts import Texts


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_texts_come_back(texts: list[str]):
    packed = Texts(texts)
    assert list(packed) == texts
    assert packed[1:] == texts[1:]
    assert list(pickle.loads(pickle.dumps(packed))) == texts  # noqa: S301 - made here


def test_places_are_those_of_a_list():
    packed = Texts(["a", "", "bcd"])
    assert (packed[-1], packed[-3], packed[::-1]) == ("bcd", "a", ["bcd", "", "a"])
    for place in (3, -4):
        with pytest.raises(IndexError):
            packed[place]


def test_a_file_name_that_is_no_text():
    assert Texts(["ISIC_\udce9"])[0] == "ISIC_\udce9"
