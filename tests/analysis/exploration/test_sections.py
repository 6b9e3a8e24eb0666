from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skin.analysis.blocks import Gallery, Group, Table, Words, tables
from skin.analysis.exploration import counts, lesions, metadata, missing, samples
from skin.analysis.exploration.crosses import cross
from skin.analysis.exploration.wording import headline, lead


def table_of(section, name):
    return next(table for table in tables([section]) if table.name == name)


def words(section):
    return " ".join(block.text for block in section.blocks if isinstance(block, Words))


def shown(table):
    """The text of a table's cells, by row."""
    return {line.head: [cell.text for cell in line.cells] for line in table.lines}


@pytest.fixture
def five(make_cohort):
    """Three nevi of two lesions, two images of one melanoma."""
    rows = [
        {"dx": "nv", "lesion_id": "a", "sex": "female", "age": 30, "site": "back"},
        {"dx": "nv", "lesion_id": "a", "sex": "female", "age": 30, "site": "trunk"},
        {"dx": "nv", "lesion_id": "b", "sex": "male", "age": None},
        {"dx": "mel", "lesion_id": "c", "sex": None, "age": 60, "dx_type": "histo"},
        {"dx": "mel", "lesion_id": "c", "sex": None, "age": 60, "dx_type": "histo"},
    ]
    return make_cohort(rows)


def test_class_counts(five):
    section = counts.section(five)

    frame = table_of(section, "classes").frame
    assert frame[["class", "images", "lesions", "share", "times_rarest"]].to_numpy().tolist() == [
        ["NV", 3, 2, 0.6, 1.5],
        ["MEL", 2, 1, 0.4, 1.0],
    ]
    assert "MEL has but 1 lesion" in section.finding


def test_the_headline_counts(five, make_cohort):
    text = headline(five).replace("\N{NO-BREAK SPACE}", " ")
    assert text == (
        "5 images of 3 lesions in 2 classes: 60.0 % are NV (melanocytic nevus), "
        "40.0 % are malignant"
    )
    assert headline(make_cohort([{"dx": "mel"}] * 2)) == (
        "2 images, each of another lesion, all of one class: melanoma"
    )
    assert "Licence: CC0. Cite: Nobody, 2020." in lead(five)[0]


def test_a_cross_counts_and_its_columns_sum_to_one(five):
    table = cross("x", "X", five.images["sex"], five.images["class"], five.codes)

    assert table.heads == ["", "NV", "MEL", "all"]
    assert shown(table) == {
        "female": ["2", "0", "2"],
        "male": ["1", "0", "1"],
        "missing": ["0", "2", "2"],
    }
    sums = table.frame.groupby("class")["share"].sum()
    np.testing.assert_allclose(sums, 1)
    assert table.lines[0].cells[0].share == pytest.approx(2 / 3)


def test_images_a_lesion(five):
    section = lesions.section(five)

    assert shown(table_of(section, "images-a-lesion")) == {
        "NV": ["1", "1", "1.50"],
        "MEL": ["0", "1", "2.00"],
        "all": ["1", "2", "1.67"],
    }


def test_mean_images_and_their_difference(make_cohort):
    """Malignant lesions have 3 images each, benign ones 1: no resample says otherwise."""
    cohort = make_cohort(
        [{"dx": "mel", "lesion_id": f"m{i}"} for i in range(10) for _ in range(3)]
        + [{"dx": "nv", "lesion_id": f"n{i}"} for i in range(30)]
    )

    malignant, benign, difference = lesions.mean_images(cohort)

    assert (malignant.value, malignant.low, malignant.high) == (3, 3, 3)
    assert (benign.value, difference.low, difference.high) == (1, 2, 2)
    assert lesions.section(cohort).finding.startswith("Malignant lesions have more images: 3.00")


def test_contradictions_within_a_lesion(make_cohort, five):
    assert lesions.conflict_frame(five).to_numpy().tolist() == [
        ["a", "site", "back, trunk", "ISIC_0000, ISIC_0001"]
    ]
    cohort = make_cohort([{"dx": "nv", "lesion_id": "a"}, {"dx": "mel", "lesion_id": "a"}])
    assert lesions.conflict_frame(cohort)["values"].tolist() == ["MEL, NV"]
    assert "1 lesion with several diagnoses" in words(lesions.section(cohort))


def test_patients_are_counted_where_they_are_known(make_cohort):
    cohort = make_cohort(
        [
            {"dx": "nv", "lesion_id": "a", "patient_id": "p"},
            {"dx": "nv", "lesion_id": "a", "patient_id": "p"},
            {"dx": "nv", "lesion_id": "b", "patient_id": "p"},
            {"dx": "nv", "lesion_id": "c", "patient_id": "q"},
        ]
    )

    assert "2 patients with 1.50 lesions on average, 2 at most; 1 have more than one" in words(
        lesions.section(cohort)
    )
    assert not words(missing.section(cohort)).count("No patient is recorded")


def test_missing_values(five):
    section = missing.section(five)

    assert shown(table_of(section, "missing")) == {
        "patient": ["3", "2", "5"],
        "age": ["1", "0", "1"],
        "sex": ["0", "2", "2"],
        "site": ["1", "2", "3"],
        "how confirmed": ["3", "0", "3"],
    }
    assert "No patient is recorded" in words(section)
    assert section.finding.startswith("Which lesions are of one patient is not recorded; ")


def test_lesions_that_are_not_recorded_are_warned_of(make_cohort):
    assert "Every image is a lesion of its own" in words(
        missing.section(make_cohort([{"dx": "nv"}] * 3))
    )


def test_metadata_that_give_the_class_away(make_cohort):
    rng = np.random.default_rng(0)
    rows = [
        {
            "dx": dx,
            "dx_type": "histo" if dx == "mel" else "follow_up",
            "sex": str(rng.choice(["male", "female"])),
            "age": int(rng.integers(20, 80)),
        }
        for dx in rng.choice(["nv", "mel"], 120)
    ]
    cohort = make_cohort(rows)

    section = metadata.section(cohort)
    frame = metadata.association_frame(cohort).set_index("column")

    assert frame.index[0] == "how confirmed"
    assert frame.index[-1] == "age and sex together"
    assert frame.loc["how confirmed", "v"] == pytest.approx(1)
    assert frame.loc["how confirmed", "auc"] == 1
    assert frame.loc["sex", "v"] < frame.loc["sex", "v_by_chance"] + 0.2
    assert "how the diagnosis was confirmed says most about the class" in section.finding
    assert {"age", "association", "class-by-sex"} <= {table.name for table in tables([section])}


def test_metadata_that_say_nothing(make_cohort):
    section = metadata.section(make_cohort([{"dx": "nv"}, {"dx": "mel"}]))

    assert not section.finding
    assert "Nothing is recorded" in words(section)


def test_one_class_has_no_associations(make_cohort):
    section = metadata.section(make_cohort([{"dx": "nv", "age": age} for age in (20, 40)]))

    assert not section.finding
    assert "association" not in {table.name for table in tables([section])}


def test_samples_are_of_different_lesions_and_other_images_move_none(make_cohort):
    rows = [{"dx": "nv", "lesion_id": f"{i // 3}"} for i in range(60)]
    cohort, longer = make_cohort(rows), make_cohort([*rows, {"dx": "mel"}])

    drawn = samples.sample(cohort, "NV", 6)

    assert len(drawn) == 6
    assert cohort.images["lesion_id"].iloc[drawn].is_unique
    assert samples.sample(longer, "NV", 6).tolist() == drawn.tolist()
    assert samples.sample(make_cohort(rows, seed=1), "NV", 6).tolist() != drawn.tolist()


def test_without_a_cache_the_page_says_what_to_run(make_cohort):
    section = samples.section(make_cohort([{"dx": "nv"}]))

    assert "run skin data add csv on made.zip again" in words(section)


def test_the_sheet_has_a_row_a_class(make_cohort):
    grey = np.full((30, 40, 3), 128, np.uint8)
    cohort = make_cohort(
        [{"dx": dx, "site": "back", "age": 40} for dx in ("nv", "mel")], [grey] * 2
    )

    (gallery,) = samples.section(cohort).blocks

    assert isinstance(gallery, Gallery)
    assert [strip.head[:2] for strip in gallery.strips] == ["ME", "NV"]
    (photo,) = gallery.strips[0].photos
    assert photo.alt == "ISIC_0001: Melanoma, back, 40 years"
    assert photo.data[:4] == b"RIFF"


def test_groups_are_walked(make_cohort):
    cohort = make_cohort([{"dx": "nv", "age": age} for age in (20, 40)])
    groups = [block for block in metadata.section(cohort).blocks if isinstance(block, Group)]

    assert [type(block) for group in groups for block in group.blocks] == [Table]
    frame = table_of(metadata.section(cohort), "age").frame
    pd.testing.assert_series_equal(
        frame["median"], pd.Series([30.0, 30.0], name="median"), check_index=False
    )
