from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.data.sources.hierarchy import label_levels
from skin.taxonomy import LABELS

MEL = "Malignant melanocytic proliferations (Melanoma)"
NEVUS = "Benign melanocytic proliferations"
SURE = ("benign", "malignant", "unknown")


def label(
    levels: Sequence[str],
    sure: str = "unknown",
    counts: Literal["diagnosis", "malignancy"] = "diagnosis",
):
    """The label of one row, the most general level first."""
    table = pd.DataFrame([list(reversed(levels))], index=[2])
    return label_levels(table, pd.Series([sure], [2]), "t.csv", counts=counts)[2]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (("Malignant", MEL, "Melanoma in situ", "Melanoma in situ, Nodular"), "mel"),
        (("Malignant", MEL, "", ""), "mel"),
        (("Benign", NEVUS, "Nevus", "Nevus, Blue"), "nv"),
        (("Benign", "Benign epidermal proliferations", "Seborrheic keratosis"), "sk"),
        (("Benign", "Benign epidermal proliferations"), "benign"),
        (("Malignant",), "malignant"),
        (("Indeterminate", "Indeterminate epidermal", "Solar or actinic keratosis"), "ak"),
        (("Indeterminate", "", ""), "unknown"),
        (("", ""), "unknown"),
        ((), "unknown"),
    ],
)
def test_the_most_specific_known_level_counts(levels: Sequence[str], expected: str):
    assert label(levels) == expected


@pytest.mark.parametrize(
    ("levels", "sure", "expected"),
    [
        (("something new",), "benign", "benign"),
        (("something new",), "malignant", "malignant"),
        ((), "malignant", "malignant"),
        (("nevus",), "benign", "nv"),
        (("squamous cell carcinoma",), "malignant", "scc"),
    ],
)
def test_what_else_is_said_narrows(levels: Sequence[str], sure: str, expected: str):
    assert label(levels, sure) == expected


def test_where_they_contradict_the_one_that_was_asked_for_counts(
    capsys: pytest.CaptureFixture[str],
):
    assert label(("actinic keratosis",), "benign", "diagnosis") == "ak"
    assert "of which the diagnosis counts: 'actinic keratosis' (1)" in capsys.readouterr().err
    assert label(("actinic keratosis",), "benign", "malignancy") == "benign"
    assert "1 diagnosis contradicts" in capsys.readouterr().err


def test_benign_and_malignant_of_two_columns_is_what_the_other_says():
    assert label(("Benign",), "malignant") == "malignant"


def test_unmapped_diagnoses_are_counted_the_most_frequent_first(
    capsys: pytest.CaptureFixture[str],
):
    table = pd.DataFrame({"diagnosis": ["odd", "rare", "odd", "nevus", "", "benign"]})
    unsure = pd.Series(["unknown"] * len(table))
    labels = label_levels(table, unsure, "t.csv", counts="diagnosis")
    assert labels.tolist() == ["unknown", "unknown", "unknown", "nv", "unknown", "benign"]
    assert "t.csv: no label for 'odd' (2), 'rare' (1);" in capsys.readouterr().err


def test_nothing_is_said_where_all_is_known(capsys: pytest.CaptureFixture[str]):
    label(("Benign", NEVUS, "Nevus", "Nevus, of a form that has no name"), "benign")
    assert capsys.readouterr().err == ""


@given(
    st.lists(st.sampled_from([*LABELS, "", "odd", "Indeterminate"]), max_size=3),
    st.sampled_from(SURE),
)
def test_malignancy_that_counts_is_never_contradicted(levels: list[str], sure: str):
    assert LABELS[label(levels, sure, "malignancy")] <= LABELS[sure]
