from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from skin.data.dataset import Dataset
from skin.data.pool import Pooled, pool_datasets
from skin.errors import SkinError

Make = Callable[..., Dataset]

OFFICIAL = "ISIC_0034524"  # the first of ISIC 2018's test images


def left_out(pooled: Pooled) -> dict[str, tuple[str, str]]:
    return {one.image_id: (one.test_set, one.found_by) for one in pooled.record.left_out}


def ids(pooled: Pooled) -> list[str]:
    return pooled.dataset.table["image_id"].tolist()


def test_an_official_test_image_and_its_lesion_are_left_out(make: Make, data_dir: Path):
    make(
        "a",
        {
            OFFICIAL: {"picture": 1, "lesion_id": "L1"},
            "ISIC_2": {"picture": 2, "lesion_id": "L1"},
            "ISIC_3": {"picture": 3, "lesion_id": "L2"},
        },
    )
    # By id it is another image; by its photograph it is of L1, and so is ISIC_5.
    make(
        "b",
        {
            "ISIC_4": {"copy_of": 2, "lesion_id": "L3"},
            "ISIC_5": {"picture": 5, "lesion_id": "L3"},
            "ISIC_6": {"picture": 6},
        },
    )
    pooled = pool_datasets("ab", ["a", "b"], data_dir)
    assert ids(pooled) == ["ISIC_3", "ISIC_6"]
    test_set = "the official test set of isic2018"
    assert left_out(pooled) == {
        OFFICIAL: (test_set, "id"),
        "ISIC_2": (test_set, "lesion"),
        "ISIC_4": (test_set, "lesion"),
        "ISIC_5": (test_set, "lesion"),
    }
    assert pooled.record.protected[test_set] == 1512
    assert pooled.record.same_photograph == ()


def test_ids_of_another_namespace_are_no_official_ones(make: Make, data_dir: Path):
    make("a", {OFFICIAL: {"picture": 1}}, namespace="")
    make("b", {"X": {"picture": 2}})
    assert ids(pool_datasets("ab", ["a", "b"], data_dir)) == ["X", f"a~{OFFICIAL}"]


TRAINING: Mapping[str, Mapping[str, object]] = {
    "X": {"picture": 1},
    "Y": {"picture": 2},
    "Z": {"copy_of": 3},
    "V": {"picture": 4, "lesion_id": "LT"},
    "U": {"picture": 5},
}
UNSEEN: Mapping[str, Mapping[str, object]] = {
    "X": {"picture": 11},  # the id of a training image
    "T2": {"picture": 2},  # the file of one
    "T3": {"picture": 3},  # the photograph of one
    "T4": {"picture": 14, "lesion_id": "LT"},  # the lesion of one
    "T5": {"picture": 15},
}


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_test_set_under_the_data_folder_is_protected(make: Make, data_dir: Path, split: str):
    make("a", TRAINING)
    make("b", {"W": {"picture": 6}})
    make("unseen", UNSEEN, split=split)
    pooled = pool_datasets("ab", ["a", "b"], data_dir)
    assert ids(pooled) == ["U", "W"]
    assert left_out(pooled) == {
        "X": ("dataset unseen", "id"),
        "Y": ("dataset unseen", "file"),
        "Z": ("dataset unseen", "photograph"),
        "V": ("dataset unseen", "lesion"),
    }
    assert pooled.record.protected["dataset unseen"] == 5


def test_ids_of_a_test_set_without_a_namespace_are_its_own(make: Make, data_dir: Path):
    make("a", TRAINING)
    make("b", {"W": {"picture": 6}})
    make("unseen", UNSEEN, split="test", namespace="")
    assert ids(pool_datasets("ab", ["a", "b"], data_dir)) == ["U", "V", "W", "X"]


def test_pooled_test_sets_are_whole(make: Make, data_dir: Path):
    make("a", {OFFICIAL: {"picture": 1}}, split="test")
    make("b", {"X": {"picture": 2}}, split="test")
    assert ids(pool_datasets("ab", ["a", "b"], data_dir)) == [OFFICIAL, "X"]


def test_given_images_are_protected(
    make: Make, encoded: Callable[..., bytes], data_dir: Path, tmp_path: Path
):
    make("a", TRAINING)
    make("b", {"X": {"picture": 6}}, namespace="")
    folder = tmp_path / "unseen"
    folder.mkdir()
    for name, row in UNSEEN.items():
        (folder / f"{name}.JPG").write_bytes(encoded(row))
    pooled = pool_datasets("ab", ["a", "b"], data_dir, protect=[folder])
    assert ids(pooled) == ["U", "V", "b~X"], "a file's name is an id of the archive's alone"
    assert set(left_out(pooled).values()) == {
        (str(folder), "id"),
        (str(folder), "file"),
        (str(folder), "photograph"),
    }


@pytest.mark.parametrize("column", ["image_id", "image", "isic_id", "image_name"])
def test_given_ids_are_protected_in_every_dataset(
    make: Make, data_dir: Path, tmp_path: Path, column: str
):
    make("a", {"X": {"picture": 1}, "Y": {"picture": 2}})
    make("b", {"X": {"picture": 3}, "Z": {"picture": 4}}, namespace="")
    csv = tmp_path / "ids.csv"
    csv.write_text(f"more,{column}\n1,X.jpg\n2,not-there\n")
    pooled = pool_datasets("ab", ["a", "b"], data_dir, protect=[csv])
    assert ids(pooled) == ["Y", "b~Z"]
    assert left_out(pooled) == {"X": (str(csv), "id"), "b~X": (str(csv), "id")}
    assert pooled.record.protected[str(csv)] == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("names.csv", r"names\.csv has no column of image ids; name it image or image_id"),
        ("gone.csv", r"gone\.csv: it cannot be read"),
        ("gone", "does not exist"),
        ("bad", r"x\.jpg is not a usable image"),
        ("empty", "there is no image"),
    ],
)
def test_what_cannot_be_protected(
    make: Make, data_dir: Path, tmp_path: Path, given: str, message: str
):
    make("a", {"X": {"picture": 1}})
    make("b", {"Y": {"picture": 2}})
    for folder, name in (("bad", "x.jpg"), ("empty", "x.txt")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("no image")
    (tmp_path / "names.csv").write_text("name\nX\n")
    with pytest.raises(SkinError, match=message):
        pool_datasets("ab", ["a", "b"], data_dir, protect=[tmp_path / given])
    assert not (data_dir / "ab").exists()


def test_a_pool_that_is_all_test_images(make: Make, data_dir: Path):
    make("a", {OFFICIAL: {"picture": 1}})
    make("b", {OFFICIAL: {"picture": 1}})
    with pytest.raises(SkinError, match="nothing is left of a, b without the test sets' images"):
        pool_datasets("ab", ["a", "b"], data_dir)


def test_a_damaged_test_set_is_no_reason_to_go_on(make: Make, data_dir: Path):
    make("a", {"X": {"picture": 1}})
    make("b", {"Y": {"picture": 2}})
    unseen = make("unseen", {"T": {"picture": 3}}, split="test")
    (unseen.root / "dataset.csv").write_text("split\ntest\n")
    with pytest.raises(SkinError, match="is not the table"):
        pool_datasets("ab", ["a", "b"], data_dir)
