"""HAM10000 with an ISIC 2019 that repeats it, from archives as they are published."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.dataset import find_dataset
from skin.data.folds import make_folds
from skin.data.pool import Pooled, pool_datasets
from skin.data.sources.ham10000 import Ham10000
from skin.data.sources.isic2019 import Isic2019
from skin.data.synthetic.published import LAYOUTS

COPY = "ISIC_9900000"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data folder with both and 2019's test images; the id of the image that 2019 has twice."""
    root = tmp_path_factory.mktemp("published")
    for layout in ("ham10000", "isic2019"):
        LAYOUTS[layout](root / layout, lesions=28, seed=3, side=64)
    first = find_copied(root / "isic2019")
    add_dataset(Ham10000(Archive(root / "ham10000")), root / "data", name="ham", short_side=48)
    for split in ("train", "test"):
        source = Isic2019(Archive(root / "isic2019"), split)
        add_dataset(source, root / "data", name=f"isic2019-{split}", short_side=48)
    return root / "data", first


def find_copied(folder: Path) -> str:
    """Add an image of HAM10000 under another id: smaller, and at another JPEG quality."""
    truth = folder / "ISIC_2019_Training_GroundTruth.csv"
    header, row, *_ = truth.read_text().splitlines()
    first = row.split(",")[0]
    archive = folder / "ISIC_2019_Training_Input.zip"
    with zipfile.ZipFile(archive, "a") as images:
        data = images.read(f"ISIC_2019_Training_Input/{first}.jpg")
        picture = Image.open(io.BytesIO(data))
        smaller = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4))
        buffer = io.BytesIO()
        smaller.save(buffer, "JPEG", quality=75)
        images.writestr(f"ISIC_2019_Training_Input/{COPY}.jpg", buffer.getvalue())
    with truth.open("a") as file:
        file.write(row.replace(first, COPY) + "\n")
    metadata = folder / "ISIC_2019_Training_Metadata.csv"
    columns = metadata.read_text().splitlines()[0].split(",")
    with metadata.open("a") as file:
        file.write(",".join([COPY, *[""] * (len(columns) - 1)]) + "\n")
    assert header.startswith("image,")
    return first


@pytest.fixture(scope="module")
def pooled(original: tuple[Path, str]) -> Pooled:
    data_dir, _ = original
    return pool_datasets("isic", ["ham", "isic2019-train"], data_dir)


def test_what_two_archives_share_is_there_once(original: tuple[Path, str], pooled: Pooled):
    data_dir, _ = original
    ham, other = (find_dataset(data_dir, name).table for name in ("ham", "isic2019-train"))
    table = pooled.dataset.table
    assert set(ham["image_id"]) < set(other["image_id"])
    assert table["image_id"].tolist() == sorted(set(ham["image_id"]) | set(other["image_id"]))
    assert [one.image_id for one in pooled.record.same_id] == sorted(ham["image_id"])
    assert not any(one.differing for one in pooled.record.same_id)
    counts = table["source"].value_counts()
    assert counts.to_dict() == {"ham": len(ham), "isic2019-train": len(other) - len(ham)}
    merged = table.merge(ham, on="image_id", suffixes=("", "_ham"))
    for column in ("sha256", "lesion_id", "site", "dx_raw"):
        assert merged[column].equals(merged[f"{column}_ham"])
    narrowed = merged.loc[merged["dx_ham"] == "akiec", "dx"]
    assert set(narrowed) == {"ak", "bowen"}, "akiec, and what 2019 says of the same image"
    assert pooled.record.conflicts == ()
    assert pooled.record.left_out == ()


def test_a_copy_under_another_id_is_joined(original: tuple[Path, str], pooled: Pooled):
    _, first = original
    assert [(one.first, one.second) for one in pooled.record.same_photograph] == [(first, COPY)]
    table = pooled.dataset.table.set_index("image_id")
    assert table.loc[COPY, "lesion_id"] == table.loc[first, "lesion_id"]
    assert table.loc[COPY, "dx"] == table.loc[first, "dx"]
    assert table.loc[COPY, "sha256"] != table.loc[first, "sha256"]


@pytest.mark.parametrize("seed", range(3))
def test_folds_of_a_pool_leak_nothing(original: tuple[Path, str], pooled: Pooled, seed: int):
    data_dir, first = original
    folds = make_folds(pooled.dataset, k=2, seed=seed).table
    fold_of = folds.set_index("image_id")["fold"]
    assert fold_of[COPY] == fold_of[first]
    both = find_dataset(data_dir, "isic2019-train").table.merge(folds, on="image_id")
    assert (both.groupby("lesion_id_x")["fold"].agg(set).map(len) == 1).all()


def test_a_published_test_set_protects_itself(original: tuple[Path, str], tmp_path: Path):
    """ISIC 2019's training set, with three of its test images put into it."""
    data_dir, _ = original
    unseen = find_dataset(data_dir, "isic2019-test")
    folder = tmp_path / "source"
    LAYOUTS["isic2019"](folder, lesions=28, seed=3, side=64)
    names = leaked(folder, unseen.table["image_id"].tolist()[:3])
    add_dataset(Isic2019(Archive(folder)), tmp_path / "data", name="leaky", short_side=48)
    for name in ("ham", "isic2019-test"):
        (tmp_path / "data" / name).symlink_to(data_dir / name)
    pooled = pool_datasets("clean", ["leaky", "ham"], tmp_path / "data")
    assert {(one.image_id, one.found_by) for one in pooled.record.left_out} == {
        (names[0], "id"),
        (names[1], "file"),
        (names[2], "photograph"),
    }
    assert {one.test_set for one in pooled.record.left_out} == {"dataset isic2019-test"}
    assert set(names).isdisjoint(pooled.dataset.table["image_id"])


def leaked(folder: Path, images: list[str]) -> list[str]:
    """Put test images among the training images: by id, as the same file, and encoded anew."""
    test_zip, zip_ = (folder / f"ISIC_2019_{split}_Input.zip" for split in ("Test", "Training"))
    with zipfile.ZipFile(test_zip) as archive:
        data = {Path(name).stem.removesuffix("_downsampled"): name for name in archive.namelist()}
        files = [archive.read(data[image]) for image in images]
    picture = Image.open(io.BytesIO(files[2])).resize((48, 48))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    other = io.BytesIO()
    Image.fromarray(noise).save(other, "PNG")
    new = [images[0], "ISIC_9900001", "ISIC_9900002"]
    truth = folder / "ISIC_2019_Training_GroundTruth.csv"
    metadata = folder / "ISIC_2019_Training_Metadata.csv"
    rows = pd.read_csv(truth, dtype=str)
    described = metadata.read_text().splitlines()
    with zipfile.ZipFile(zip_, "a") as archive, truth.open("a") as truths, metadata.open("a") as m:
        contents = (other.getvalue(), files[1], buffer.getvalue())
        for name, content in zip(new, contents, strict=True):
            archive.writestr(f"ISIC_2019_Training_Input/{name}.jpg", content)
            truths.write(",".join([name, *rows.iloc[0, 1:]]) + "\n")
            m.write(",".join([name, *[""] * described[0].count(",")]) + "\n")
    return new
