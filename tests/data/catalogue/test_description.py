from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from skin.data.catalogue.description import describe, part_states
from skin.data.catalogue.listing import Damaged
from skin.data.dataset import Dataset, PoolPart, write_dataset


@pytest.fixture
def toy(toy_data: Path, tmp_path: Path) -> Dataset:
    """The data set `toy`, the test's own."""
    return Dataset.load(Path(shutil.copytree(toy_data, tmp_path / "data")) / "toy")


def changed(toy: Dataset, **columns: object) -> Dataset:
    """The same with columns changed."""
    return write_dataset(toy.root, toy.table.assign(**columns), toy.info)


def test_published_diagnoses_and_what_they_were_read_as(toy: Dataset):
    dx = toy.table["dx"].copy()
    dx.iloc[:3] = ["benign", "benign", "unknown"]
    raw = toy.table["dx_raw"].copy()
    raw.iloc[:3] = ["odd thing", "nevus", "odder thing"]
    description = describe(changed(toy, dx=dx, dx_raw=raw))
    assert description.raw["benign"] == {"nevus": 1, "odd thing": 1}
    assert description.unmapped == {"odd thing": 1, "odder thing": 1}
    (rest,) = [use for use in description.tasks if use.task == "isic2018"]
    assert rest.outside == 3


def test_what_is_missing_is_counted(toy: Dataset):
    age = toy.table["age"].fillna(50.0)
    age.iloc[:4] = float("nan")
    description = describe(changed(toy, age=age, sex="male"))
    assert description.missing["age"] == 4
    assert description.missing["patient_id"] == len(toy)
    assert "sex" not in description.missing


def test_images_to_be_scored_on_train_nothing(toy: Dataset):
    assert describe(toy).tasks
    assert describe(changed(toy, split="test")).tasks == ()


def test_folds_of_another_state_are_told(toy: Dataset):
    (folds,) = describe(toy).folds
    assert (folds.name, folds.current, folds.leaking) == ("k2-seed0", True, False)
    assert folds.parts == ("fold 0", "fold 1")
    (stale,) = describe(changed(toy, lesion_id=toy.table["image_id"])).folds
    assert not stale.current


def test_damaged_folds_do_not_hide_the_rest(toy: Dataset):
    (toy.root / "folds" / "k2-seed0.json").write_text("{}")
    (folds,) = describe(toy).folds
    assert isinstance(folds, Damaged)
    assert "k2-seed0.json" in folds.error


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda _: None, "as pooled"),
        (lambda part: changed(part, lesion_id=part.table["image_id"]), "changed"),
        (lambda part: (part.root / "dataset.json").write_text("{"), "changed"),
        (lambda part: shutil.rmtree(part.root), "gone"),
    ],
)
def test_parts_of_a_pool_are_compared(toy: Dataset, change, state: str):
    root = Path(shutil.copytree(toy.root, toy.root.parent / "part"))
    part = Dataset.load(root)
    info = toy.info.model_copy(update={"parts": (PoolPart(name="part", hash=part.hash),)})
    pool = Dataset(toy.root, toy.table, info)
    change(part)
    assert [each.state for each in part_states(pool)] == [state]
