from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skin.data.dataset import Dataset, find_dataset, write_dataset
from skin.data.folds import Folds, make_folds
from skin.data.folds_verify import verify
from skin.data.scheme import Scheme, Split
from skin.errors import SkinError
from skin.files import sha256_file


def test_k_folds_are_meant_beside_holdouts(toy_data: Path, tmp_path: Path):
    shutil.copytree(toy_data, tmp_path / "data")
    dataset = find_dataset(tmp_path / "data")
    make_folds(dataset, holdout=(60, 40))
    make_folds(dataset, k=2, split="image")
    assert Folds.load(dataset).name == "k2-seed0"
    make_folds(dataset, k=3)
    with pytest.raises(SkinError, match="several folds, name one"):
        Folds.load(dataset)


def test_made_folds_load_as_made(dataset: Dataset):
    made = make_folds(dataset, k=2, seed=3)
    loaded = Folds.load(dataset)
    assert (loaded.name, loaded.k, loaded.hash) == ("k2-seed3", 2, made.hash)
    assert loaded.hash == sha256_file(dataset.root / "folds" / "k2-seed3.csv")
    assert loaded.table.equals(made.table)
    assert list(loaded.table.columns) == ["image_id", "lesion_id", "group", "dx", "fold"]


def test_split_gives_rows_of_the_dataset(dataset: Dataset):
    folds = make_folds(dataset, k=3)
    splits = [folds.split(fold) for fold in range(3)]
    assert sorted(np.concatenate([parts.held_out for parts in splits])) == list(range(18))
    for parts in splits:
        assert parts.train.dtype == parts.held_out.dtype == np.int64
        assert parts.valid is parts.held_out
        assert sorted([*parts.train, *parts.held_out]) == list(range(18))
        lesions = dataset.table["lesion_id"]
        assert not set(lesions[parts.train]) & set(lesions[parts.held_out])
    with pytest.raises(SkinError, match="no fold 3 in 'k3-seed0': there are 0 to 2"):
        folds.split(3)


def test_a_holdout_of_two_parts_is_one_fold(dataset: Dataset):
    folds = make_folds(dataset, holdout=(60, 40))
    assert (folds.name, folds.k, folds.leaking) == ("holdout60-40-seed0", 1, False)
    parts = folds.split(0)
    assert parts.valid is parts.held_out
    assert sorted([*parts.train, *parts.held_out]) == list(range(18))
    assert len(parts.train) == pytest.approx(0.6 * 18, abs=2)
    lesions = dataset.table["lesion_id"]
    assert not set(lesions[parts.train]) & set(lesions[parts.held_out])
    assert folds.table["fold"].iloc[parts.train].eq(-1).all()
    assert folds.table["fold"].iloc[parts.held_out].eq(0).all()
    with pytest.raises(SkinError, match="no fold 1 in 'holdout60-40-seed0': there is only 0"):
        folds.split(1)


def test_a_holdout_of_three_parts_validates_on_its_own(dataset: Dataset):
    folds = make_folds(dataset, holdout=(40, 30, 30), seed=2)
    assert (folds.name, folds.k) == ("holdout40-30-30-seed2", 1)
    parts = folds.split(0)
    assert [part.dtype for part in parts] == [np.int64] * 3
    assert sorted(np.concatenate(parts)) == list(range(18))
    lesions = [set(dataset.table["lesion_id"][part]) for part in parts]
    assert sum(map(len, lesions)) == len(set.union(*lesions)) == 12
    assert folds.table["fold"].iloc[parts.valid].eq(-2).all()
    counts = folds.class_counts()
    assert counts.index.tolist() == ["train", "valid", "held out"]
    assert counts.sum(axis=1).tolist() == [len(part) for part in parts]
    assert (counts > 0).to_numpy().all()


def test_the_shares_of_a_holdout_come_near(toy_data: Path, tmp_path: Path):
    shutil.copytree(toy_data, tmp_path / "data")
    dataset = find_dataset(tmp_path / "data")
    sizes = [len(part) for part in make_folds(dataset, holdout=(60, 20, 20)).split(0)]
    assert np.array(sizes) / len(dataset) == pytest.approx([0.6, 0.2, 0.2], abs=0.08)


@pytest.mark.parametrize(
    ("scheme", "name"),
    [({"k": 2}, "k2-seed0-image"), ({"holdout": (40, 30, 30)}, "holdout40-30-30-seed0-image")],
)
def test_a_split_by_image_leaks_and_says_so(dataset: Dataset, scheme: dict[str, Any], name: str):
    folds = make_folds(dataset, **scheme, split="image")
    assert folds.name == name
    assert folds.leaking
    assert json.loads((dataset.root / "folds" / f"{name}.json").read_text())["split"] == "image"
    assert folds.table["group"].tolist() == folds.table["image_id"].tolist()
    loaded = Folds.load(dataset, name)
    assert loaded.leaking
    parts = pd.crosstab(dataset.table["lesion_id"], loaded.table["fold"])
    shared = parts.index[(parts > 0).sum(axis=1) > 1]
    held_out = loaded.table[loaded.table["fold"] >= 0]
    assert len(shared) > 0
    assert loaded.leak() == (
        len(shared),
        held_out["lesion_id"].isin(shared).sum(),
        len(held_out),
    )


def test_folds_by_lesion_leak_nothing(dataset: Dataset):
    assert make_folds(dataset, k=2).leak() == (0, 0, 18)


def test_a_split_by_image_needs_no_cache(dataset: Dataset):
    shutil.rmtree(dataset.root / "cache")
    assert make_folds(dataset, k=2, split="image").info.hash_bits is None


def test_the_files_of_an_earlier_release_load(dataset: Dataset):
    """Their JSON says nothing of holdouts or images; and their CSV is made the same today."""
    made = make_folds(dataset, k=2)
    path = dataset.root / "folds" / "k2-seed0.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps({key: info[key] for key in info.keys() - {"holdout", "split"}}))
    loaded = Folds.load(dataset)
    assert loaded.info == made.info
    assert make_folds(dataset, k=2).hash == made.hash


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
    with pytest.raises(SkinError, match=r"other settings .k2-seed0, .*10 bits.*--overwrite"):
        make_folds(dataset, k=3, name="mine")
    with pytest.raises(SkinError, match="made with other settings"):
        make_folds(dataset, k=2, split="image", name="mine")
    assert make_folds(dataset, k=3, name="mine", overwrite=True).k == 3


def test_a_name_must_not_say_another_scheme(dataset: Dataset):
    with pytest.raises(SkinError, match=r"--name k2-seed0 would mislead: .* 'k2-seed0-image'"):
        make_folds(dataset, k=2, split="image", name="k2-seed0")


def test_a_class_with_fewer_lesions_than_folds_is_warned_of(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
):
    folds = make_folds(dataset, k=5)
    said = " ".join(capsys.readouterr().err.split())
    assert "too few groups of images for every part" in said
    assert said.endswith("missing from some: 'bkl' (4), 'mel' (4), 'nv' (4)")
    assert (folds.class_counts() == 0).any(axis=None)
    assert Folds.load(dataset).hash == folds.hash
    assert "too few" not in capsys.readouterr().err


def test_a_part_without_images_is_an_error(dataset: Dataset):
    with pytest.raises(SkinError, match=r"held out holds no image at all; give it a larger share"):
        make_folds(dataset, holdout=(99, 1))
    assert not (dataset.root / "folds").exists()


def test_a_rare_class_does_not_stand_in_the_way_of_a_holdout(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
):
    # Of four lesions a class, a seventh of the images cannot be expected to show one.
    make_folds(dataset, holdout=(85, 15))
    assert "'mel' (4)" in capsys.readouterr().err


def test_a_class_that_a_part_should_have_and_lacks_is_an_error(dataset: Dataset):
    folds = make_folds(dataset, k=2)
    moved = folds.table.assign(fold=folds.table["fold"].mask(folds.table["dx"] == "mel", 0))
    with pytest.raises(SkinError, match=r"fold 1 holds no image of class 'mel'"):
        verify(dataset.table, moved, folds.info, "these")


def test_ids_that_are_numbers_stay_texts(dataset: Dataset):
    numbers = [f"{number:03d}" for number in range(len(dataset))]
    table = dataset.table.assign(image_id=numbers)
    renamed = write_dataset(dataset.root, table, dataset.info)
    made = make_folds(renamed, k=2)
    assert made.table["image_id"].tolist() == numbers


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
        (damage_missing, "is missing; run `skin data folds ham10000 --folds 2 --overwrite`"),
        (damage_leak, "leaks: lesion_id HAM_0000001 is in more than one part"),
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
        (lambda folds: folds.assign(fold=[0, 1, 2, 0]), "has 2 in its column fold, .* only 0, 1"),
        (lambda folds: folds.assign(fold=[0, 0, 1, -1]), "has -1 in its column fold"),
        (lambda folds: folds.assign(fold=[0, 1, 1, 1]), "leaks: lesion_id L1"),
        (lambda folds: folds.assign(group=["g", "g", "g", "i"]), "leaks: group g"),
        (lambda folds: folds.assign(fold=0), "fold 1 holds no image at all"),
    ],
)
def test_verify(change: Callable[[pd.DataFrame], pd.DataFrame], message: str):
    images = pd.DataFrame(
        {"image_id": list("abcd"), "lesion_id": ["L1", "L1", "L2", "L3"], "dx": "nv"}
    ).assign(patient_id=None)
    folds = images[["image_id"]].assign(group=["g", "g", "h", "i"], fold=[0, 0, 1, 1])
    scheme = Scheme(k=2, seed=0)
    verify(images, folds, scheme, "x.csv")
    with pytest.raises(SkinError, match=message):
        verify(images, change(folds), scheme, "x.csv")


@pytest.mark.parametrize(
    ("holdout", "split", "parts", "message"),
    [
        ((80, 20), "lesion", [-1, -1, 0, 0], None),
        ((80, 20), "lesion", [-1, 0, 0, -1], "leaks: lesion_id L1"),
        ((80, 20), "image", [-1, 0, 0, -1], None),
        ((80, 20), "lesion", [-1, -1, 0, 1], "has 1 in its column fold, where only -1, 0 can"),
        ((80, 20), "lesion", [-1, -1, -2, 0], "has -2 in its column fold"),
        ((80, 20), "image", [0, 0, 0, 0], "train holds no image at all; give it a larger share"),
        ((70, 15, 15), "lesion", [-1, -1, -2, 0], None),
        ((70, 15, 15), "lesion", [-1, -2, 0, 0], "leaks: lesion_id L1"),
        ((70, 15, 15), "image", [-1, -1, 0, 0], "valid holds no image at all"),
    ],
)
def test_verify_a_holdout(
    holdout: tuple[int, ...], split: Split, parts: list[int], message: str | None
):
    images = pd.DataFrame(
        {"image_id": list("abcd"), "lesion_id": ["L1", "L1", "L2", "L3"], "dx": "nv"}
    ).assign(patient_id=None)
    folds = images[["image_id"]].assign(group=list("abcd"), fold=parts)
    scheme = Scheme(k=1, seed=0, holdout=holdout, split=split)
    with pytest.raises(SkinError, match=message) if message else nullcontext():
        verify(images, folds, scheme, "x.csv")


def test_choosing_folds(dataset: Dataset, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SkinError, match="run `skin data folds` first"):
        Folds.load(dataset)
    with pytest.raises(SkinError, match="has no folds 'mine': make some with `skin data folds`"):
        Folds.load(dataset, "mine")
    make_folds(dataset, k=2)
    assert Folds.load(dataset).name == "k2-seed0"
    assert "k2-seed0, the only ones of" in capsys.readouterr().err
    make_folds(dataset, k=3)
    with pytest.raises(SkinError, match="name one: k2-seed0, k3-seed0"):
        Folds.load(dataset)
    assert Folds.load(dataset, "k3-seed0").k == 3
    with pytest.raises(SkinError, match="did you mean 'k3-seed0'"):
        Folds.load(dataset, "k3-seed")


def test_leaking_folds_are_only_chosen_by_name(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
):
    make_folds(dataset, k=2, split="image")
    with pytest.raises(SkinError, match=r"only folds that leak: name them .k2-seed0-image."):
        Folds.load(dataset)
    make_folds(dataset, k=2)
    assert Folds.load(dataset).name == "k2-seed0"
    assert "the only ones of 'ham10000' that are k folds and do not leak" in " ".join(
        capsys.readouterr().err.split()
    )
    assert Folds.load(dataset, "k2-seed0-image").leaking


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("k5-seed0", "--folds 5"),
        ("k10-seed3", "--folds 10 --seed 3"),
        ("holdout80-20-seed0-image", "--holdout 80/20 --split image"),
        ("holdout70-15-15-seed1", "--holdout 70/15/15 --seed 1"),
    ],
)
def test_folds_that_are_not_there_come_with_the_command(dataset: Dataset, name: str, command: str):
    make_folds(dataset, k=2)
    message = f"no folds '{name}': make them with `skin data folds ham10000 {command}`"
    with pytest.raises(SkinError, match=f"{re.escape(message)}, or choose from: k2-seed0"):
        Folds.load(dataset, name)
