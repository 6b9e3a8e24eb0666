from __future__ import annotations

import numpy as np
import pytest

from skin.analysis.blocks import Group, Words, tables
from skin.analysis.exploration import fold_balance
from skin.analysis.exploration.cohort import Cohort
from skin.data.dataset import find_dataset
from skin.data.folds import Folds, make_folds
from skin.data.scheme import Scheme
from skin.errors import SkinError


@pytest.fixture
def toy(workspace):
    return find_dataset(workspace / "data")


def words(section):
    return " ".join(block.text for block in section.blocks if isinstance(block, Words))


def test_deviations_by_hand(make_cohort):
    """8 images in 2 parts: 3 of 4 women in the first, 1 of 4 in the second; the whole: 1/2."""
    sexes = ["female", "female", "female", "male", "male", "male", "male", "female"]
    cohort = make_cohort([{"dx": "nv", "sex": sex} for sex in sexes])
    table = cohort.images[["image_id", "lesion_id", "dx"]].assign(fold=np.repeat([0, 1], 4))
    folds = Folds("made", Scheme(k=2, seed=0), table)

    frame = fold_balance.deviation_frame(cohort, folds)

    women = frame[(frame["column"] == "sex") & (frame["value"] == "female")]
    assert women["images"].tolist() == [3, 1]
    assert women["deviation"].tolist() == pytest.approx([0.5, -0.5])  # 0.25 / sqrt(0.5 * 0.5)
    assert (frame.loc[frame["column"] == "class", "deviation"] == 0).all()
    assert fold_balance.largest(frame)["column"] == "sex"


def test_folds_that_are_there_are_summed_up(toy):
    section = fold_balance.section(Cohort.of(toy))

    summary = next(table for table in tables([section]) if table.name == "folds")
    assert [line.head for line in summary.lines] == ["k2-seed0"]
    assert summary.frame["lesions_on_both_sides"].tolist() == [0]
    assert "Folds k2-seed0 share no lesion" in section.finding
    (details,) = (block for block in section.blocks if isinstance(block, Group))
    by_class = next(t for t in tables([section]) if t.name == "k2-seed0-by-class")
    of_all = by_class.frame[by_class.frame["part"] == "all"].set_index("class")["images"]
    assert of_all["NV"] == (toy.table["dx"] == "nv").sum()
    assert details.closed


def test_leaking_folds_are_marked(toy):
    make_folds(toy, k=2, split="image")

    section = fold_balance.section(Cohort.of(toy))

    assert "Folds 'k2-seed0-image' leak" in words(section)
    summary = next(table for table in tables([section]) if table.name == "folds")
    assert [line.marks for line in summary.lines] == [[], ["leaking"]]
    assert "k2-seed0 share no lesion" in section.finding
    only = fold_balance.section(Cohort.of(toy), "k2-seed0-image")
    assert only.finding.startswith("All folds of this dataset are split by image")


def test_a_holdout_has_its_parts_names(toy):
    make_folds(toy, holdout=(60, 40))

    section = fold_balance.section(Cohort.of(toy), "holdout60-40-seed0")

    parts = next(t for t in tables([section]) if t.name == "holdout60-40-seed0-parts")
    assert [line.head for line in parts.lines] == ["train", "held out"]


def test_no_folds_are_no_error(toy):
    for path in (toy.root / "folds").iterdir():
        path.unlink()

    section = fold_balance.section(Cohort.of(toy))

    assert "skin data folds toy" in words(section)
    assert not section.finding


def test_folds_that_were_edited_are_told_of_and_refused_by_name(toy):
    path = toy.root / "folds" / "k2-seed0.csv"
    path.write_text(path.read_text() + "\n")

    assert "was changed after it was made" in words(fold_balance.section(Cohort.of(toy)))
    with pytest.raises(SkinError, match="was changed after it was made"):
        fold_balance.section(Cohort.of(toy), "k2-seed0")


def test_unknown_folds_are_refused(toy):
    with pytest.raises(SkinError, match="has no folds 'mine'"):
        fold_balance.section(Cohort.of(toy), "mine")
