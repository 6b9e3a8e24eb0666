from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from skin.data.catalogue.listing import Damaged, Listed, count, list_datasets
from skin.data.dataset import Dataset
from skin.errors import SkinError


@pytest.fixture
def data_dir(toy_data: Path, tmp_path: Path) -> Path:
    """A folder of the test's own with the data set `toy`."""
    return Path(shutil.copytree(toy_data, tmp_path / "data"))


def only(data_dir: Path):
    (listed,) = list_datasets(data_dir)
    return listed


def test_counts_equal_the_whole_table(data_dir: Path):
    dataset = Dataset.load(data_dir / "toy")
    listed = only(data_dir)
    assert isinstance(listed, Listed)
    assert listed.images == len(dataset)
    assert listed.lesions == dataset.table["lesion_id"].nunique() == 42
    assert listed.patients == 0
    assert listed.labels == dataset.table["dx"].value_counts().to_dict()
    assert (listed.name, listed.splits, listed.folds) == ("toy", ("train",), ("k2-seed0",))
    assert (listed.licence, listed.hash) == (dataset.licence, dataset.hash)


def test_bytes_are_those_on_disk(data_dir: Path):
    before = only(data_dir)
    assert list(before.short_sides) == [40]
    (data_dir / "toy" / "cache" / "40" / "more").write_bytes(bytes(100))
    (data_dir / "toy" / "remarks.txt").write_bytes(bytes(11))
    after = only(data_dir)
    assert after.short_sides[40] - before.short_sides[40] == 100
    assert after.bytes - before.bytes == 111


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "dataset.json").unlink(), r"dataset\.json is missing"),
        (lambda root: (root / "dataset.json").write_text("{"), "not valid JSON"),
        (lambda root: edit(root / "dataset.json", licence=3), r"dataset\.json: licence: "),
        (lambda root: (root / "dataset.json").write_text("[]"), r"dataset\.json: all of it: "),
        (lambda root: (root / "dataset.csv").unlink(), r"dataset\.csv is missing"),
        (
            lambda root: (root / "dataset.csv").write_text("image_id\n"),
            "is not the table that .*--overwrite",
        ),
    ],
)
def test_damaged_datasets_are_listed_with_their_error(data_dir: Path, damage, message: str):
    shutil.copytree(data_dir / "toy", data_dir / "whole")
    damage(data_dir / "toy")
    toy, whole = list_datasets(data_dir)
    assert isinstance(toy, Damaged)
    assert re.search(message, toy.error)
    assert isinstance(whole, Listed)
    assert whole.name == "whole"


def test_other_folders_are_none(tmp_path: Path):
    (tmp_path / "notes").mkdir()
    (tmp_path / ".hidden" / "cache").mkdir(parents=True)
    assert list_datasets(tmp_path) == []
    assert list_datasets(tmp_path / "nowhere") == []
    (tmp_path / "file").touch()
    with pytest.raises(SkinError, match="file is no folder; name the one that holds"):
        list_datasets(tmp_path / "file")


def test_counts_are_sorted_by_number_then_name():
    values = pd.Series(["b", "a", "c", "c", None], dtype="string")
    assert list(count(values).items()) == [("c", 2), ("a", 1), ("b", 1)]
