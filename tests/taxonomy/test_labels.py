from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.taxonomy import LABELS, label_of, labels_within, merge_labels
from skin.taxonomy.labels import KINDS, kinds_where

labels = st.sampled_from(list(LABELS))
separators = st.sampled_from([" ", "_", "-", ", ", "  ", " / "])


def merged(first: str | None, second: str | None) -> str | None:
    """`merge_labels`, with which nothing can be said once two labels contradicted each other."""
    return None if first is None or second is None else merge_labels(first, second)


def test_labels_hold_kinds_and_no_two_the_same():
    assert all(kinds <= KINDS.keys() for kinds in LABELS.values())
    assert len(set(LABELS.values())) == len(LABELS)
    assert LABELS["unknown"] == KINDS.keys()


def test_malignant_and_benign_part_all_kinds():
    malignant, benign = kinds_where(malignant=True), kinds_where(malignant=False)
    assert malignant | benign == KINDS.keys()
    assert not malignant & benign
    assert {"mel", "bcc", "ak", "bowen", "scc_invasive"} <= malignant


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("akiec", "scc", "bowen"),
        ("benign", "nv", "nv"),
        ("malignant", "akiec", "akiec"),
        ("bkl", "sk", "sk"),
        ("unknown", "df", "df"),
        ("mel", "nv", None),
        ("benign", "malignant", None),
        ("ak", "scc", None),
    ],
)
def test_merges_by_hand(first: str, second: str, expected: str | None):
    assert merge_labels(first, second) == expected


@given(first=labels, second=labels)
def test_what_two_labels_have_in_common_is_a_label(first: str, second: str):
    common = LABELS[first] & LABELS[second]
    found = merge_labels(first, second)
    assert (LABELS[found] == common) if found else not common


@given(first=labels, second=labels, third=labels)
def test_labels_merge_in_any_order(first: str, second: str, third: str):
    assert merged(first, second) == merged(second, first)
    assert merged(first, first) == first
    assert merged(merged(first, second), third) == merged(first, merged(second, third))


@given(several=st.lists(labels, min_size=1, max_size=6), data=st.data())
def test_the_order_of_many_makes_no_difference(several: list[str], data: st.DataObject):
    shuffled = data.draw(st.permutations(several))
    assert reduce(merged, several) == reduce(merged, shuffled)


@given(label=labels, case=st.sampled_from([str.lower, str.upper, str.title]))
def test_a_label_is_a_spelling_of_itself(label: str, case):
    assert label_of(case(label)) == label
    assert label_of(label_of(label)) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Basal cell carcinoma", "bcc"),
        ("seborrheic keratosis", "sk"),
        ("pigmented benign keratosis", "bkl"),
        ("actinic keratosis", "ak"),
        ("Bowen's disease", "bowen"),
        ("squamous cell carcinoma", "scc"),
        ("nevus", "nv"),
    ],
)
@given(separator=separators, upper=st.booleans())
def test_case_and_separators_make_no_difference(text: str, label: str, separator: str, upper: bool):
    spelled = separator.join(text.split())
    assert label_of(spelled.upper() if upper else spelled) == label


@given(text=st.text(max_size=20))
def test_any_text_is_a_label_or_none(text: str):
    assert label_of(text) in {*LABELS, None}


def test_a_diagnosis_that_is_not_known():
    assert label_of("granuloma of unheard kind") is None
    assert label_of("") is None


def test_labels_within_by_hand():
    assert labels_within(LABELS["akiec"]) == ("ak", "bowen", "akiec")
    assert labels_within(["mel", "nv"]) == ("mel", "nv")
    assert labels_within(()) == ()
    assert labels_within(KINDS) == tuple(LABELS)
