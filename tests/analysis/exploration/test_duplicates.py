from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skin.analysis.blocks import Gallery, Group, Words, tables
from skin.analysis.exploration import duplicates


@pytest.fixture
def three(make_cohort):
    """One photograph under two lesions and diagnoses, and once more of the first lesion."""
    image = np.random.default_rng(0).integers(256, size=(48, 48, 3), dtype=np.uint8)
    rows = [
        {"dx": "nv", "lesion_id": "a"},
        {"dx": "mel", "lesion_id": "b"},
        {"dx": "nv", "lesion_id": "a"},
    ]
    return make_cohort(rows, [image] * 3)


def found(*pairs):
    columns = ["first", "second", "distance", "correlation"]
    return pd.DataFrame(list(pairs), columns=columns)


def test_pairs_say_whether_they_agree(three):
    pairs = duplicates.pair_frame(three, found((0, 1, 2, 0.9), (0, 2, 0, 0.99)))

    assert pairs[["first", "second"]].to_numpy().tolist() == [
        ["ISIC_0000", "ISIC_0002"],
        ["ISIC_0000", "ISIC_0001"],
    ]
    assert pairs["same_lesion"].tolist() == [True, False]
    assert pairs["same_class"].tolist() == [True, False]


def test_a_conflict_is_marked_and_warned_of(three):
    section = duplicates.section(three)

    warning, table, across, within = section.blocks
    assert isinstance(warning, Words)
    assert warning.warning
    assert "2 pairs of one photograph with two diagnoses" in warning.text
    assert [[cell.text for cell in line.cells] for line in table.lines] == [
        ["2", "2", "0"],
        ["1", "0", "0"],
    ]
    assert isinstance(across, Gallery)
    assert [photo.tone for photo in across.strips[0].photos] == ["bad", "bad"]
    assert across.strips[0].head == "Two diagnoses"
    assert isinstance(within, Group)
    assert section.finding == (
        "2 pairs of images of different lesions show one photograph; of all pairs, 2 with two "
        "diagnoses."
    )
    (frame,) = (one.frame for one in tables([section]))
    assert len(frame) == 3
    assert "first_row" not in frame


def test_images_that_differ_are_none(make_cohort):
    rng = np.random.default_rng(1)
    images = list(rng.integers(256, size=(3, 48, 48, 3), dtype=np.uint8))

    section = duplicates.section(make_cohort([{"dx": "nv"}] * 3, images))

    assert section.finding == "No photograph is there twice."


def test_without_a_cache_it_says_what_to_run(make_cohort):
    (said,) = duplicates.section(make_cohort([{"dx": "nv"}])).blocks

    assert "run skin data add" in said.text
