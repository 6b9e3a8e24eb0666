from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.data.dataset import Dataset, find_dataset
from skin.data.folds import make_folds
from skin.data.pool import Pooled, load_record, pool_datasets
from skin.errors import SkinError

Make = Callable[..., Dataset]


def rows_of(pooled: Pooled) -> pd.DataFrame:
    return pooled.dataset.table.set_index("image_id")


@pytest.fixture
def two(make: Make) -> tuple[str, str]:
    """`a` and `b` share image X; b's Y is a's Z, encoded anew."""
    make(
        "a",
        {
            "X": {"picture": 1, "lesion_id": "L1", "dx": "akiec", "age": 50.0},
            "Z": {"picture": 2, "lesion_id": "L2", "dx": "benign", "sex": "female"},
            "V": {"picture": 3, "lesion_id": "L2", "dx": "benign"},
        },
    )
    make(
        "b",
        {
            "X": {
                "copy_of": 1,
                "lesion_id": "X",
                "dx": "scc",
                "age": 55.0,
                "sex": "male",
                "site": "back",
                "patient_id": "P1",
                "dx_type": "histo",
            },
            "Y": {"copy_of": 2, "lesion_id": "L9", "dx": "nv", "age": 40.0},
            "W": {"picture": 4, "lesion_id": "L9", "dx": "nv", "patient_id": "P1"},
        },
    )
    return "a", "b"


def test_one_image_of_two_datasets_is_one_row(two: tuple[str, str], data_dir: Path):
    pooled = pool_datasets("ab", two, data_dir)
    table = rows_of(pooled)
    assert list(table.index) == ["V", "W", "X", "Y", "Z"]
    assert table["source"].to_dict() == {"V": "a", "W": "b", "X": "a", "Y": "b", "Z": "a"}
    x = table.loc["X"]
    assert (x["age"], x["age_raw"]) == (50, "50.0 raw"), "a counts, as it was named first"
    assert (x["sex"], x["sex_raw"], x["site"]) == ("male", "male raw", "back"), "b says the rest"
    assert (x["dx_type"], x["patient_id"], x["lesion_id"]) == ("histo", "P1", "L1")
    assert (x["dx"], x["dx_raw"]) == ("bowen", "akiec raw"), "all that is both akiec and scc"
    assert table.loc["Z", "age"] != table.loc["Z", "age"], "Y has its own row and lends nothing"
    (same,) = pooled.record.same_id
    assert same.model_dump() == {
        "image_id": "X",
        "dataset": "a",
        "others": ("b",),
        "differing": (),
    }


def test_a_photograph_under_two_ids_is_one_lesion_with_one_diagnosis(
    two: tuple[str, str], data_dir: Path
):
    pooled = pool_datasets("ab", two, data_dir)
    table = rows_of(pooled)
    # Y is Z, so b's L9 and a's L2 are one lesion; W and V are further images of it.
    assert set(table.loc[["Y", "Z", "W", "V"], "lesion_id"]) == {"L2"}
    assert table["dx"].to_dict() == {"V": "benign", "W": "nv", "X": "bowen", "Y": "nv", "Z": "nv"}
    (pair,) = pooled.record.same_photograph
    assert (pair.first, pair.second, pair.datasets) == ("Z", "Y", ("a", "b"))
    assert not pair.dropped
    assert pooled.record.conflicts == ()


def test_a_datasets_own_images_are_no_copies_of_each_other(make: Make, data_dir: Path):
    """Though b has a's two images too, and a third one."""
    own = {
        "X": {"picture": 1, "lesion_id": "L1", "dx": "mel"},
        "Y": {"copy_of": 1, "lesion_id": "L1", "dx": "nv"},
    }
    make("a", own)
    make("b", {**own, "Z": {"copy_of": 1, "lesion_id": "L3", "dx": "bcc"}})
    pooled = pool_datasets("ab", ["a", "b"], data_dir, drop_copies=True)
    assert rows_of(pooled)["dx"].to_dict() == {"X": "mel", "Y": "nv"}
    pairs = [(one.first, one.second, one.dropped) for one in pooled.record.same_photograph]
    assert pairs == [("X", "Z", True), ("Y", "Z", True)]


def test_copies_are_dropped_where_asked(two: tuple[str, str], data_dir: Path):
    pooled = pool_datasets("ab", two, data_dir, drop_copies=True)
    table = rows_of(pooled)
    assert list(table.index) == ["V", "W", "X", "Z"]
    assert table.loc["Z", ["age", "sex", "dx"]].tolist() == [40, "female", "nv"]
    assert table.loc["W", "lesion_id"] == "L2"
    assert pooled.record.same_photograph[0].dropped
    assert [part.pooled for part in pooled.record.parts] == [3, 1]


def test_the_order_of_names_says_whose_row_counts(two: tuple[str, str], data_dir: Path):
    table = rows_of(pool_datasets("ba", two[::-1], data_dir))
    assert table.loc["X", ["source", "age", "dx", "lesion_id"]].tolist() == [
        "b",
        55,
        "bowen",
        "L1",  # b does not name it
    ]
    assert set(table.loc[["Y", "Z", "W", "V"], "lesion_id"]) == {"L9"}


def test_a_pool_is_a_dataset_like_any_other(make: Make, two: tuple[str, str], data_dir: Path):
    labels = ("nv", "benign", "bowen") * 2
    make("c", {f"C{i}": {"picture": 20 + i, "dx": dx} for i, dx in enumerate(labels)})
    dataset = pool_datasets("abc", [*two, "c"], data_dir).dataset
    assert find_dataset(data_dir, "abc").hash == dataset.hash
    cache = dataset.open_cache(48)
    parts = {name: find_dataset(data_dir, name) for name in (*two, "c")}
    for row, image in dataset.table.iterrows():
        part = parts[image["source"]]
        there = part.table.index[part.table["image_id"] == image["image_id"]][0]
        np.testing.assert_array_equal(cache[row], part.open_cache(48)[there])
        assert part.table["sha256"][there] == image["sha256"]
    folds = make_folds(dataset, k=2).table.set_index("image_id")["fold"]
    assert len(set(folds[["Y", "Z", "W", "V", "X"]])) == 1, "W and X are of one patient"


def test_the_same_pool_twice_has_the_same_bytes_and_keeps_its_folds(
    make: Make, two: tuple[str, str], data_dir: Path
):
    make("c", {"Q": {"picture": 9}, "R": {"picture": 8, "dx": "mel"}})
    first = pool_datasets("abc", [*two, "c"], data_dir)
    files = sorted(path.name for path in first.dataset.root.iterdir())
    assert files == ["dataset.csv", "dataset.json", "pool.json", "pooled_rows.npz"]
    before = {name: (first.dataset.root / name).read_bytes() for name in files}
    (first.dataset.root / "folds").mkdir()
    (first.dataset.root / "folds" / "mine.csv").write_text("kept")
    again = pool_datasets("abc", [*two, "c"], data_dir)
    assert (first.done, again.done) == ("pooled", "pooled again, the same images")
    assert {name: (again.dataset.root / name).read_bytes() for name in files} == before
    assert (again.dataset.root / "folds" / "mine.csv").read_text() == "kept"
    assert load_record(again.dataset.root) == again.record
    assert sorted(path.name for path in data_dir.iterdir() if path.is_dir()) == [
        "a",
        "abc",
        "b",
        "c",
    ]


def test_a_pool_of_other_images_is_replaced_only_where_asked(
    make: Make, two: tuple[str, str], data_dir: Path, capsys: pytest.CaptureFixture[str]
):
    old = pool_datasets("pool", two, data_dir)
    (old.dataset.root / "folds").mkdir()
    make("c", {"Q": {"picture": 9}})
    with pytest.raises(SkinError, match=r"is a pool of other images \(made of a \+ b\)"):
        pool_datasets("pool", [*two, "c"], data_dir)
    assert find_dataset(data_dir, "pool").hash == old.dataset.hash
    pool_datasets("pool", [*two, "c"], data_dir, overwrite=True)
    assert len(find_dataset(data_dir, "pool")) == 6
    assert not (old.dataset.root / "folds").exists()
    assert "do not fit the new one and are removed" in capsys.readouterr().err


def test_a_dataset_that_was_added_is_never_replaced(
    make: Make, two: tuple[str, str], data_dir: Path
):
    make("c", {"Q": {"picture": 9}})
    with pytest.raises(SkinError, match="c exists and is no pool; choose another name"):
        pool_datasets("c", two, data_dir, overwrite=True)
    assert len(find_dataset(data_dir, "c")) == 1


def test_a_taken_name_is_told_before_any_work(
    two: tuple[str, str], data_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    (data_dir / "mine").mkdir()
    (data_dir / "mine" / "notes.txt").write_text("mine")
    monkeypatch.setattr("skin.data.pool.build.load_parts", None)
    with pytest.raises(SkinError, match="mine exists and is no pool"):
        pool_datasets("mine", two, data_dir, overwrite=True)


@pytest.mark.parametrize("damaged", ["dataset.json", "dataset.csv", "pool.json"])
def test_a_damaged_pool_is_replaced_where_asked(
    two: tuple[str, str], data_dir: Path, damaged: str, capsys: pytest.CaptureFixture[str]
):
    root = pool_datasets("ab", two, data_dir).dataset.root
    before = (root / damaged).read_bytes()
    (root / damaged).write_text("no more")
    if damaged != "pool.json":  # of which `dataset.json` does not depend
        with pytest.raises(SkinError, match=damaged):
            pool_datasets("ab", two, data_dir)
    pool_datasets("ab", two, data_dir, overwrite=True)
    assert (root / damaged).read_bytes() == before
    assert ("is damaged and is replaced" in capsys.readouterr().err) == (damaged != "pool.json")


def test_a_copy_of_a_picture_that_is_not_kept_is_its_own_image(make: Make, data_dir: Path):
    make("a", {"X": {"picture": 1, "dx": "mel"}, "Q": {"picture": 7}})
    make("b", {"X": {"picture": 2, "dx": "mel"}})
    make("c", {"Y": {"copy_of": 2, "dx": "nv", "lesion_id": "LY"}})
    pooled = pool_datasets("abc", ["a", "b", "c"], data_dir, drop_copies=True)
    table = rows_of(pooled)
    assert table["dx"].to_dict() == {"Q": "nv", "X": "mel", "Y": "nv"}
    assert table.loc["X", "lesion_id"] == table.loc["Y", "lesion_id"]
    assert (pooled.record.same_photograph, pooled.record.conflicts) == ((), ())
    assert [one.differing for one in pooled.record.same_id] == [("b",)]


def test_ids_without_a_common_namespace_mean_different_images(make: Make, data_dir: Path):
    make("a", {"X": {"picture": 1, "lesion_id": "1", "patient_id": "7"}}, namespace="")
    make("b", {"X": {"picture": 2, "lesion_id": "1", "patient_id": "7"}}, namespace="")
    make("c", {"X": {"picture": 3, "lesion_id": "1"}})
    table = rows_of(pool_datasets("abc", ["a", "b", "c"], data_dir))
    assert list(table.index) == ["X", "a~X", "b~X"]
    assert table["lesion_id"].tolist() == ["1", "a~1", "b~1"]
    assert table["patient_id"].fillna("").tolist() == ["", "a~7", "b~7"]


def test_contradicting_diagnoses_are_listed_and_the_first_counts(make: Make, data_dir: Path):
    make("a", {"X": {"picture": 1, "dx": "mel"}, "Z": {"picture": 2}})
    make("b", {"X": {"picture": 1, "dx": "nv"}, "Y": {"copy_of": 2, "dx": "bcc"}})
    pooled = pool_datasets("ab", ["a", "b"], data_dir)
    assert rows_of(pooled)["dx"].to_dict() == {"X": "mel", "Y": "nv", "Z": "nv"}
    assert [
        (one.image_id, one.dx, one.other_image_id, one.other_dataset, one.other_dx)
        for one in pooled.record.conflicts
    ] == [("X", "mel", "X", "b", "nv"), ("Z", "nv", "Y", "b", "bcc")]


def test_another_photograph_under_the_same_id_is_listed(make: Make, data_dir: Path):
    make("a", {"X": {"picture": 1}, "Z": {"picture": 2}})
    make("b", {"X": {"picture": 5}, "Z": {"copy_of": 2}})
    pooled = pool_datasets("ab", ["a", "b"], data_dir)
    assert {one.image_id: one.differing for one in pooled.record.same_id} == {
        "X": ("b",),
        "Z": (),
    }
    assert rows_of(pooled)["source"].tolist() == ["a", "a"]


def test_images_of_test_splits_may_have_no_diagnosis(make: Make, data_dir: Path):
    make("a", {"X": {"picture": 1, "dx": None}}, split="test")
    make("b", {"X": {"picture": 1}, "Y": {"picture": 2, "dx": None}}, split="test")
    pooled = pool_datasets("ab", ["a", "b"], data_dir)
    table = rows_of(pooled)
    assert table["dx"].fillna("").tolist() == ["nv", ""]
    assert table["dx_raw"].fillna("").tolist() == ["nv raw", ""]
    assert set(table["split"]) == {"test"}
    assert pooled.record.protected == {}


def test_licences_and_sources_are_joined(make: Make, data_dir: Path):
    make("a", {"X": {"picture": 1}}, licence="CC0")
    make("b", {"Y": {"picture": 2}}, licence="CC BY 4.0")
    make("c", {"Z": {"picture": 3}}, licence="CC0")
    info = pool_datasets("abc", ["a", "b", "c"], data_dir).dataset.info
    assert (info.licence, info.citation) == ("CC0; CC BY 4.0", "nobody")
    assert (info.source.reader, info.source.path) == ("pool", "a + b + c")
    assert [part.name for part in info.parts] == ["a", "b", "c"]


def test_what_cannot_be_pooled(make: Make, data_dir: Path):
    make("a", {"X": {"picture": 1}})
    make("b", {"Y": {"picture": 2}})
    make("t", {"T": {"picture": 3}}, split="test")
    pool_datasets("ab", ["a", "b"], data_dir)
    for name, parts, message in (
        ("p", ["a", "t"], r"different splits cannot be pooled \(a: train, t: test\)"),
        ("p", ["ab", "a"], "'ab' is a pool itself: name what it was made of: a b"),
        ("p", ["a", "b", "a"], "dataset 'a' is named twice"),
        ("p", ["a"], "at least two datasets"),
        ("p", ["a", "c"], "no dataset 'c'"),
        ("a", ["a", "b"], "'a' is one of the datasets to pool"),
        ("../p", ["a", "b"], "cannot name a pool"),
    ):
        with pytest.raises(SkinError, match=message):
            pool_datasets(name, parts, data_dir)
    assert sorted(path.name for path in data_dir.iterdir() if path.is_dir()) == [
        "a",
        "ab",
        "b",
        "t",
    ]


def test_datasets_without_a_common_short_side(make: Make, data_dir: Path):
    make("a", {"X": {"picture": 1}}, short_side=24)
    make("b", {"Y": {"picture": 2}}, short_side=48)
    make("c", {"Z": {"picture": 3}}, short_side=48)
    message = (
        r"a, b, c have no short side in common \(a: 24; b: 48; c: 48\): run the `skin data add` "
        "of a again with --short-side 48"
    )
    with pytest.raises(SkinError, match=message):
        pool_datasets("abc", ["a", "b", "c"], data_dir)
    a = {"X": {"picture": 1}}
    make("a", a, short_side=48)
    pooled = pool_datasets("abc", ["a", "b", "c"], data_dir)
    assert pooled.dataset.short_sides == (48,)
    make("b", {"Y": {"picture": 2}}, short_side=24)
    make("c", {"Z": {"picture": 3}}, short_side=24)
    assert Dataset.load(pooled.dataset.root).short_sides == (24, 48), "what all have come to have"


def test_a_stopped_replacement_is_taken_up(two: tuple[str, str], data_dir: Path):
    pooled = pool_datasets("ab", two, data_dir)
    shutil.move(pooled.dataset.root, data_dir / ".ab.old")  # killed between the two renamings
    (data_dir / ".ab.partial").mkdir()
    again = pool_datasets("ab", two, data_dir)
    assert again.done == "pooled again, the same images"
    hidden = [path.name for path in data_dir.iterdir() if path.name.startswith(".ab")]
    assert hidden == [".ab.lock"]
