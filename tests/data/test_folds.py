from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.data.dataset import Dataset
from skin.data.folds import Folds, make_folds, verify
from skin.errors import SkinError
from skin.files import sha256_file


def test_made_folds_load_as_made(dataset: Dataset):
    made = make_folds(dataset, k=2, seed=3)
    loaded = Folds.load(dataset)
    assert (loaded.name, loaded.k, loaded.hash) == ("k2-seed3", 2, made.hash)
    assert loaded.hash == sha256_file(dataset.root / "folds" / "k2-seed3.csv")
    assert loaded.table.equals(made.table)
    assert list(loaded.table.columns) == ["image_id", "lesion_id", "group", "dx", "fold"]


def test_split_gives_rows_of_the_dataset(dataset: Dataset):
    folds = make_folds(dataset, k=3)
    parts = [folds.split(fold) for fold in range(3)]
    assert all(train.dtype == held_out.dtype == np.int64 for train, held_out in parts)
    assert sorted(np.concatenate([held_out for _, held_out in parts])) == list(range(18))
    for train, held_out in parts:
        assert sorted([*train, *held_out]) == list(range(18))
        lesions = dataset.table["lesion_id"]
        assert not set(lesions[train]) & set(lesions[held_out])
    with pytest.raises(SkinError, match="no fold 3 in 'k3-seed0': there are 0 to 2"):
        folds.split(3)


def test_the_seed_decides(dataset: Dataset):
    first = make_folds(dataset, k=2, seed=0)
    again = make_folds(dataset, k=2, seed=0, overwrite=True)
    other = make_folds(dataset, k=2, seed=1)
    assert first.hash == again.hash
    assert not first.table["fold"].equals(other.table["fold"])


def test_near_duplicates_stay_together(
    files: dict[str, bytes], make_zip: Callable[..., Path], add: Callable[..., Dataset]
):
    files["HAM10000_images_part_2/ISIC_0000017.jpg"] = files[
        "HAM10000_images_part_1/ISIC_0000000.jpg"
    ]
    folds = make_folds(add(make_zip(files)), k=3)
    assert folds.info.near_duplicates == 1
    assert folds.info.groups == 11
    assert folds.table["group"].iloc[17] == folds.table["group"].iloc[0] == "HAM_0000000"
    assert folds.table["fold"].iloc[17] == folds.table["fold"].iloc[0]


def test_existing_folds_are_kept_or_refused(dataset: Dataset):
    made = make_folds(dataset, k=2, name="mine")
    assert make_folds(dataset, k=2, name="mine").hash == made.hash
    with pytest.raises(SkinError, match=r"other settings .k 2, seed 0.*--overwrite"):
        make_folds(dataset, k=3, name="mine")
    assert make_folds(dataset, k=3, name="mine", overwrite=True).k == 3


def test_a_class_that_a_fold_lacks_is_an_error(dataset: Dataset):
    with pytest.raises(SkinError, match=r"holds no image of class '.*', which has .*fewer folds"):
        make_folds(dataset, k=8)
    assert not (dataset.root / "folds").exists()


@pytest.mark.parametrize("k", [0, 1, 13])
def test_numbers_of_folds_that_make_no_sense(dataset: Dataset, k: int):
    with pytest.raises(SkinError, match="from 2 to 12"):
        make_folds(dataset, k=k)


def damage_hash(folder: Path):
    path = folder / "k2-seed0.csv"
    path.write_text(path.read_text().replace(",0\n", ",1\n", 1))


def damage_dataset(folder: Path):
    path = folder / "k2-seed0.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps({**info, "dataset_hash": "other"}))


def damage_json(folder: Path):
    (folder / "k2-seed0.json").write_text("{}")


def damage_missing(folder: Path):
    (folder / "k2-seed0.csv").unlink()


def damage_leak(folder: Path):
    """A lesion in two folds, and a hash that fits."""
    path = folder / "k2-seed0.csv"
    lines = path.read_text().splitlines(keepends=True)
    row = next(i for i in range(1, len(lines)) if lines[i].split(",")[1] == "HAM_0000001")
    fold = int(lines[row][-2])
    lines[row] = f"{lines[row][:-2]}{1 - fold}\n"
    path.write_text("".join(lines))
    info = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**info, "hash": sha256_file(path)}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_hash, "changed after it was made"),
        (damage_dataset, "another state of dataset"),
        (damage_json, "k2-seed0.json: k: Field required"),
        (damage_missing, "is missing"),
        (damage_leak, "leaks: lesion_id HAM_0000001 is in more than one fold"),
    ],
)
def test_folds_that_cannot_be_trusted_are_refused(
    dataset: Dataset, damage: Callable[[Path], None], message: str
):
    make_folds(dataset, k=2)
    damage(dataset.root / "folds")
    with pytest.raises(SkinError, match=message):
        Folds.load(dataset)
    assert make_folds(dataset, k=2, overwrite=True).k == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folds: folds.iloc[1:], "each image of the dataset once"),
        (lambda folds: folds.iloc[[0, 0, 2, 3]], "each image of the dataset once"),
        (lambda folds: folds.assign(fold=[0, 1, 2, 0]), "beyond 0 to 1"),
        (lambda folds: folds.assign(fold=[0, 1, 1, 1]), "leaks: lesion_id L1"),
        (lambda folds: folds.assign(group=["g", "g", "g", "i"]), "leaks: group g"),
        (lambda folds: folds.assign(fold=0), "fold 1 holds no image of class 'nv'"),
    ],
)
def test_verify(change: Callable[[pd.DataFrame], pd.DataFrame], message: str):
    images = pd.DataFrame(
        {"image_id": list("abcd"), "lesion_id": ["L1", "L1", "L2", "L3"], "dx": "nv"}
    ).assign(patient_id=None)
    folds = images[["image_id"]].assign(group=["g", "g", "h", "i"], fold=[0, 0, 1, 1])
    verify(images, folds, 2, "x.csv")
    with pytest.raises(SkinError, match=message):
        verify(images, change(folds), 2, "x.csv")


def test_choosing_folds(dataset: Dataset, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SkinError, match="run `skin data folds` first"):
        Folds.load(dataset)
    make_folds(dataset, k=2)
    assert Folds.load(dataset).name == "k2-seed0"
    assert "k2-seed0, the only ones" in capsys.readouterr().err
    make_folds(dataset, k=3)
    with pytest.raises(SkinError, match="name one: k2-seed0, k3-seed0"):
        Folds.load(dataset)
    assert Folds.load(dataset, "k3-seed0").k == 3
    with pytest.raises(SkinError, match="did you mean 'k3-seed0'"):
        Folds.load(dataset, "k3-seed")
