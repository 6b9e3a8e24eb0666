from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from skin.data.cache import ImageCache
from skin.data.check import check_dataset
from skin.data.dataset import Dataset, write_dataset
from skin.data.folds import make_folds
from skin.data.pool import pool_datasets


@pytest.fixture
def source(files: dict[str, bytes], make_folder: Callable[..., Path]):
    return make_folder(files)


@pytest.fixture
def added(source: Path, add: Callable[..., Dataset]):
    dataset = add(source)
    make_folds(dataset, k=2)
    return dataset


def test_all_is_well(added: Dataset):
    findings = check_dataset(added.root)
    assert findings.bad == findings.unseen == []
    assert [line.split(":")[0] for line in findings.good] == [
        "table",
        "labels",
        "source",
        "cache",
        "folds",
    ]


def test_holdouts_are_checked_and_folds_that_leak_on_purpose_are_not_wrong(added: Dataset):
    make_folds(added, holdout=(50, 50))
    leaking = make_folds(added, k=2, split="image")
    findings = check_dataset(added.root)
    assert findings.bad == []
    assert findings.good[-3:-1] == [
        "folds: 'holdout50-50-seed0', 12 groups in 2 parts, none split",
        "folds: 'k2-seed0', 12 groups in 2 folds, none split",
    ]
    assert findings.good[-1] == (
        "folds: 'k2-seed0-image', 18 images in 2 folds, split by image as recorded: they leak on "
        f"purpose, {leaking.leak().lesions} lesions are in more than one"
    )


def flip(path: Path, position: int):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def change_source(_: object, source: Path):
    flip(source / "HAM10000_images_part_1" / "ISIC_0000002.jpg", 15)


def remove_source(_: object, source: Path):
    (source / "HAM10000_images_part_1" / "ISIC_0000002.jpg").unlink()


def change_pixels(added: Dataset, _: object):
    flip(added.root / "cache" / "24" / "pixels.u8", 0)


def cut_cache(added: Dataset, _: object):
    path = added.root / "cache" / "24" / "pixels.u8"
    path.write_bytes(path.read_bytes()[:-1])


def change_folds(added: Dataset, _: object):
    path = added.root / "folds" / "k2-seed0.csv"
    path.write_text(path.read_text().replace("HAM_0000001", "HAM_0000002"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change_source, "source: 1 files differ .*ISIC_0000002"),
        (remove_source, "source: 1 files differ .*ISIC_0000002"),
        (change_pixels, "cache: 1 images .* are damaged: ISIC_0000000"),
        (cut_cache, "cache: .*is damaged"),
        (change_folds, "folds: .*changed after it was made"),
    ],
)
def test_damage_is_found(
    added: Dataset, source: Path, damage: Callable[[Dataset, Path], None], message: str
):
    damage(added, source)
    findings = check_dataset(added.root)
    assert len(findings.bad) == 1
    assert len(findings.good) == 4
    assert re.match(message, findings.bad[0])


def test_a_source_that_is_gone_and_folds_not_yet_made_are_said(
    source: Path, add: Callable[..., Dataset]
):
    dataset = add(source)
    source.rename(source.with_name("elsewhere"))
    findings = check_dataset(dataset.root)
    assert findings.bad == []
    assert [line.split(":")[0] for line in findings.unseen] == ["source", "folds"]


def test_a_dataset_without_a_cache_is_wrong(added: Dataset):
    for path in (added.root / "cache" / "24").iterdir():
        path.unlink()
    (added.root / "cache" / "24").rmdir()
    assert check_dataset(added.root).bad == ["cache: there is none; run `skin data add` again"]


def test_files_are_checked(source: Path, add: Callable[..., Dataset]):
    dataset = add(source, store="files")
    assert "cache: 18 images at short side 24" in check_dataset(dataset.root).good
    flip(dataset.root / "cache" / "files" / "files.u8", 5)
    found = check_dataset(dataset.root).bad
    assert len(found) == 1
    assert re.match("cache: 1 images .* are damaged: ISIC_0000000", found[0])


def test_files_that_short_sides_share_are_read_and_their_damage_told_once(
    source: Path, add: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
):
    add(source, store="files")
    dataset = add(source, short_side=16)
    flip(dataset.root / "cache" / "files" / "files.u8", 5)
    read = []
    real = ImageCache.damaged_rows
    monkeypatch.setattr(
        ImageCache, "damaged_rows", lambda cache: read.append(cache.folder) or real(cache)
    )
    (found,) = check_dataset(dataset.root).bad
    assert len(read) == 1
    files = dataset.root / "cache" / "files"
    assert found.endswith(f"delete {files} and run `skin data add` again with --store files")
    flip(files / "index.npy", 0)
    (found,) = check_dataset(dataset.root).bad
    assert f"delete {files} and" in found


@pytest.mark.parametrize(
    ("store", "file"),
    [("files", "files/files.u8"), ("files", "files/index.npy"), ("pixels", "24/pixels.u8")],
)
def test_damage_is_mended_as_the_message_says(
    source: Path, add: Callable[..., Dataset], store: str, file: str
):
    add(source, store=store)
    dataset = add(source, short_side=16)
    flip(dataset.root / "cache" / file, 5)
    (found,) = check_dataset(dataset.root).bad
    place, side, told = re.search(
        r"delete (\S+) and run `skin data add` again with (?:--short-side (\d+) )?--store (\w+)$",
        found,
    ).groups()
    shutil.rmtree(place)
    mended = add(source, short_side=int(side or 24), store=told)
    findings = check_dataset(mended.root)
    assert findings.bad == []
    assert {f"cache: 18 images at short side {side}" for side in (16, 24)} <= {*findings.good}
    assert mended.open_cache(16).store == store


def test_thumbnails_are_checked(added: Dataset):
    flip(added.root / "cache" / "24" / "thumbnails.u8", 48 * 48)
    assert re.match("cache: 1 images .* are damaged: ISIC_0000001", *check_dataset(added.root).bad)


def relabelled(dataset: Dataset, dx: dict[int, str | None], **columns: str):
    """The same dataset, with the labels of some rows changed."""
    table = dataset.table.assign(**columns)
    for row, label in dx.items():
        table.loc[row, "dx"] = label
    return write_dataset(dataset.root, table, dataset.info)


def test_images_to_be_scored_on_need_no_label(source: Path, add: Callable[..., Dataset]):
    dataset = relabelled(add(source), dict.fromkeys(range(17), pd.NA), split="test")
    assert "labels: 1 classes, all known" in check_dataset(dataset.root).good
    dataset = relabelled(dataset, {17: pd.NA})
    findings = check_dataset(dataset.root)
    assert findings.bad == []
    assert "labels: no image has one" in findings.unseen


def test_a_label_that_is_none_is_wrong(source: Path, add: Callable[..., Dataset]):
    dataset = relabelled(add(source), {2: "wart", 5: "unknown"})
    assert check_dataset(dataset.root).bad == ["labels: unknown dx of ISIC_0000002"]


@pytest.fixture
def pool(files: dict[str, bytes], make_folder: Callable[..., Path], add: Callable[..., Dataset]):
    """Twice the same images, as datasets `a` and `b`, which are one."""
    parts = [add(make_folder(files, name), name=name) for name in ("a", "b")]
    return pool_datasets("ab", ["a", "b"], parts[0].root.parent).dataset


def test_a_pool_is_checked_against_its_parts(pool: Dataset):
    findings = check_dataset(pool.root)
    assert findings.bad == []
    assert "pool: a is as it was pooled" in findings.good
    assert "cache: 18 images at short side 24" in findings.good


def test_a_pools_damage_is_sent_to_its_parts(pool: Dataset):
    flip(pool.root.parent / "a" / "cache" / "24" / "pixels.u8", 0)
    (found,) = check_dataset(pool.root).bad
    assert re.match(r"cache: 1 images .*: ISIC_0000000; see which of its parts", found)


def test_a_part_with_other_labels_is_told(pool: Dataset):
    relabelled(Dataset.load(pool.root.parent / "a"), {0: "df"})
    (found,) = check_dataset(pool.root).bad
    assert found.startswith("pool: a holds other images or labels than were pooled")
