from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from skin.data.dataset import (
    DTYPES,
    Dataset,
    PoolPart,
    find_dataset,
    metadata_hash,
    table_hash,
    tidy,
)
from skin.errors import SkinError


def row(image_id: str, **values: object):
    return {
        "image_id": image_id,
        "path": f"{image_id}.jpg",
        "lesion_id": "L1",
        "dx": "nv",
        "age": 50.0,
        "source": "test",
        "split": "train",
        "width": 4,
        "height": 3,
        "sha256": "00",
        "phash": "ff",
        **values,
    }


def table(*rows: dict[str, object]):
    return tidy(pd.DataFrame(rows, columns=list(DTYPES)))


def test_loads_with_stable_types_and_order(dataset: Dataset):
    loaded = Dataset.load(dataset.root)
    assert list(loaded.table.columns) == list(DTYPES)
    assert loaded.table["image_id"].is_monotonic_increasing
    assert loaded.table["age"].dtype == "float64"
    assert loaded.table["width"].tolist() == [40] * 18
    assert all(isinstance(dx, str) for dx in loaded.table["dx"])
    assert loaded.table["sex"].isna().sum() == 1
    assert loaded.table["patient_id"].isna().all()
    assert (loaded.name, loaded.short_sides, len(loaded)) == ("ham10000", (24,), 18)
    assert loaded.licence == "CC BY-NC 4.0"
    assert "Tschandl" in loaded.citation


def test_hash_is_of_the_content_not_of_the_place_or_order():
    first = table(row("a"), row("b"))
    moved = table(row("b", path="x.zip::b.jpg", source="other", phash="00"), row("a"))
    assert table_hash(first) == table_hash(moved)


@pytest.mark.parametrize(
    "change",
    [{"dx": "mel"}, {"lesion_id": "L2"}, {"patient_id": "P"}, {"sha256": "01"}, {"split": "test"}],
)
def test_hash_changes_with_the_content(change: dict[str, object]):
    assert table_hash(table(row("a"))) != table_hash(table(row("a", **change)))


def test_what_one_layout_tells_and_another_does_not_has_a_hash_of_its_own():
    first, second = table(row("a")), table(row("a", age=None, dx_type=None, dx_raw="NV"))
    assert table_hash(first) == table_hash(second)
    assert metadata_hash(first) != metadata_hash(second)
    assert metadata_hash(first) == metadata_hash(table(row("a", dx="mel", dx_type=None)))


def edit(path: Path, old: str, new: str):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("dataset.csv", ",nv,", ",mel,", "hash differs"),
        ("dataset.csv", "ISIC_0000001,", "ISIC_0000000,", "hash differs"),
        ("dataset.csv", ",phash", ",other", "hash differs"),
        ("dataset.csv", ",40,30,", ",forty,30,", "hash differs"),
        ("dataset.csv", ",nv,", ",,", "hash differs"),
        ("dataset.json", '"hash"', '"hush"', "dataset.json: hush"),
        ("dataset.json", "{", "", "not valid JSON"),
    ],
)
def test_edited_files_are_refused(dataset: Dataset, file: str, old: str, new: str, message: str):
    edit(dataset.root / file, old, new)
    with pytest.raises(SkinError, match=message):
        Dataset.load(dataset.root)


@pytest.mark.parametrize(
    ("parts", "command"), [((), "add"), ((PoolPart(name="a", hash=""),), "pool")]
)
def test_a_missing_table_is_an_error(dataset: Dataset, parts: tuple[PoolPart, ...], command: str):
    info = dataset.info.model_copy(update={"parts": parts})
    (dataset.root / "dataset.json").write_text(info.model_dump_json())
    (dataset.root / "dataset.csv").unlink()
    with pytest.raises(SkinError, match=rf"dataset\.csv is missing; .*run `skin data {command}`"):
        Dataset.load(dataset.root)


def test_the_short_sides_that_there_are(dataset: Dataset):
    assert dataset.require_short_sides() == (24,)
    assert [dataset.short_side_for(side) for side in (10, 24, 99)] == [24, 24, 24]
    shutil.rmtree(dataset.root / "cache")
    assert dataset.short_sides == ()
    for ask in (dataset.require_short_sides, lambda: dataset.short_side_for(24)):
        with pytest.raises(SkinError, match="'ham10000' has no cached images; run `skin data add`"):
            ask()


def test_cache_of_other_images_is_refused(dataset: Dataset):
    other = dataset.table.assign(sha256="0" * 64)
    with pytest.raises(SkinError, match="of other images"):
        Dataset(dataset.root, other, dataset.info).open_cache(24)


def test_find_dataset_takes_the_only_one_and_says_so(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
):
    assert find_dataset(dataset.root.parent).hash == dataset.hash
    assert "ham10000, the only one" in capsys.readouterr().err


def test_find_dataset_by_name(dataset: Dataset):
    assert find_dataset(dataset.root.parent, "ham10000").hash == dataset.hash
    with pytest.raises(SkinError, match="did you mean 'ham10000'"):
        find_dataset(dataset.root.parent, "ham1000")


def test_find_dataset_among_several_asks_for_one(dataset: Dataset):
    (dataset.root.parent / "second").mkdir()
    (dataset.root.parent / "second" / "dataset.json").write_text(json.dumps({}))
    with pytest.raises(SkinError, match="name one: ham10000, second"):
        find_dataset(dataset.root.parent)


@pytest.mark.parametrize("file", ["dataset.json", "dataset.csv"])
def test_a_damaged_dataset_is_found_and_told_how_to_mend(dataset: Dataset, file: str):
    (dataset.root / file).unlink()
    for name in (None, "ham10000"):
        with pytest.raises(SkinError, match=rf"{file} is missing; .* again with --overwrite"):
            find_dataset(dataset.root.parent, name)


def test_find_dataset_without_any_says_how_to_add(tmp_path: Path):
    with pytest.raises(SkinError, match="skin data add"):
        find_dataset(tmp_path)
