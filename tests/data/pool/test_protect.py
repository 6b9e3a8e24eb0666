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
    protected = pooled.record.protected[test_set]
    assert (protected.images, protected.found, protected.given) == (1512, 4, False)
    assert pooled.record.same_photograph == ()


def test_archive_ids_are_protected_in_datasets_without_a_namespace(
    make: Make, encoded: Callable[..., bytes], data_dir: Path, tmp_path: Path
):
    unseen, own, given = (f"ISIC_990000{i}" for i in range(3))
    images = [OFFICIAL, unseen, own, given, "T", "V"]
    make("a", {image: {"picture": i} for i, image in enumerate(images)}, namespace="")
    make("b", {"X": {"picture": 10}})
    make("unseen", {unseen: {"picture": 11}, "T": {"picture": 12}}, split="test")
    make("own", {own: {"picture": 13}, "V": {"picture": 14}}, split="test", namespace="")
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / f"{given}.jpg").write_bytes(encoded({"picture": 15}))
    pooled = pool_datasets("ab", ["a", "b"], data_dir, protect=[folder])
    assert ids(pooled) == ["X", "a~T", "a~V"]
    assert left_out(pooled) == {
        f"a~{OFFICIAL}": ("the official test set of isic2018", "id"),
        f"a~{unseen}": ("dataset unseen", "id"),
        f"a~{own}": ("dataset own", "id"),
        f"a~{given}": (str(folder), "id"),
    }


def test_other_images_of_a_test_sets_patients_are_left_out(make: Make, data_dir: Path):
    patient = {"patient_id": "P1"}
    make("a", {"X": {"picture": 1, **patient}, "Y": {"picture": 2, "patient_id": "P2"}})
    make("b", {"V": {"picture": 3, **patient}}, namespace="")
    make("unseen", {"T": {"picture": 4, **patient}}, split="test")
    pooled = pool_datasets("ab", ["a", "b"], data_dir)
    assert ids(pooled) == ["Y", "b~V"], "P1 of b is another patient"
    assert left_out(pooled) == {"X": ("dataset unseen", "patient")}


def test_given_lesions_and_patients_are_protected(make: Make, data_dir: Path, tmp_path: Path):
    make("a", {"X": {"picture": 1, "lesion_id": "L1"}, "Y": {"picture": 2, "patient_id": "P1"}})
    make("b", {"V": {"picture": 3, "lesion_id": "L1"}, "W": {"picture": 4}}, namespace="")
    csv = tmp_path / "ids.csv"
    csv.write_text("image,lesion_id,patient_id\nT1,L1,\nT2,,P1\n")
    pooled = pool_datasets("ab", ["a", "b"], data_dir, protect=[csv])
    assert ids(pooled) == ["b~W"]
    found = {image: by for image, (_, by) in left_out(pooled).items()}
    assert found == {"X": "lesion", "Y": "patient", "b~V": "lesion"}


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
    protected = pooled.record.protected["dataset unseen"]
    assert (protected.images, protected.found) == (5, 4)


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
    protected = pooled.record.protected[str(csv)]
    assert (protected.images, protected.found, protected.given) == (2, 2, True)


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


@pytest.mark.parametrize("content", [b"", b"image_id,dx\nX,nv\n", b"split\n\xff\xfe\n"])
def test_a_table_that_cannot_be_read_is_named(make: Make, data_dir: Path, content: bytes):
    make("a", {"X": {"picture": 1}})
    make("b", {"Y": {"picture": 2}})
    (data_dir / "old").mkdir()
    (data_dir / "old" / "dataset.csv").write_bytes(content)
    with pytest.raises(SkinError, match=r"old may be a test set.*add it again with --overwrite"):
        pool_datasets("ab", ["a", "b"], data_dir)


def test_a_pool_of_test_sets_is_no_further_one(make: Make, data_dir: Path):
    make("a", {"X": {"picture": 1}, "Y": {"picture": 2}})
    make("b", {"Z": {"picture": 3}})
    make("s", {"X": {"picture": 1}}, split="test")
    make("t", {"T": {"picture": 4}}, split="test")
    pool = pool_datasets("unseen", ["s", "t"], data_dir).dataset
    (pool.root / "dataset.json").unlink()
    pooled = pool_datasets("ab", ["a", "b"], data_dir)
    assert left_out(pooled) == {"X": ("dataset s", "id")}
    assert "dataset unseen" not in pooled.record.protected
