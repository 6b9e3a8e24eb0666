from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import h5py
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.folds import make_folds
from skin.data.sources.isic2024 import Isic2024
from skin.errors import SkinError

Files = dict[str, bytes]
Read = Callable[..., pd.DataFrame]

TABLE = "train-metadata.csv"
HDF5 = "train-image.hdf5"
TRUTH = "ISIC_2024_Training_GroundTruth.csv"
SUPPLEMENT = "ISIC_2024_Training_Supplement.csv"
UNSEEN = "ISIC_9749999"


def rows_of(table: bytes):
    return list(csv.DictReader(io.StringIO(table.decode())))


def csv_of(rows: list[dict[str, str]], *columns: str):
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns or list(rows[0]), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def images_of(hdf5: bytes):
    with h5py.File(io.BytesIO(hdf5)) as file:
        return {key: file[key][()].tobytes() for key in file}


def as_isic(files: Mapping[str, bytes], zipped: Callable[..., bytes]):
    """ISIC's own layout, whose truth tells `malignant` and nothing else."""
    rows = rows_of(files[TABLE])
    truth = [{"isic_id": r["isic_id"], "malignant": f"{r['target']}.0"} for r in rows]
    supplement = [column for column in rows[0] if column != "target"]
    inner = {
        f"ISIC_2024_Training_Input/{name}.jpg": data
        for name, data in images_of(files[HDF5]).items()
    }
    return {
        "ISIC_2024_Training_Input.zip": zipped(inner),
        TRUTH: csv_of(truth),
        SUPPLEMENT: csv_of(rows, *supplement),
    }


@pytest.fixture
def files(unpacked: Callable[[str], Files]) -> Files:
    return unpacked("isic2024")


@pytest.fixture
def read(make_folder: Callable[..., Path]) -> Read:
    """Read files, sorted by image; each time from a folder of its own."""
    number = count()

    def read_files(files: Files, split: str = "train") -> pd.DataFrame:
        folder = make_folder(files, f"source{next(number)}")
        table = Isic2024(Archive(folder), split).read()
        return table.sort_values("image_id", ignore_index=True)

    return read_files


def test_values(files: Files, read: Read, capsys: pytest.CaptureFixture[str]):
    table = read(files)
    rows = rows_of(files[TABLE])
    malignant = {row["isic_id"] for row in rows if row["target"] == "1"}
    assert table["dx"].isin(["mel", "bcc"]).tolist() == table["image_id"].isin(malignant).tolist()
    assert set(table["dx"]) == {"benign", "nv", "sk", "mel", "bcc"}
    assert table["dx_raw"].tolist() == [row["iddx_full"] for row in rows]
    assert table["patient_id"].tolist() == [row["patient_id"] for row in rows]
    named = [row["lesion_id"] or row["isic_id"] for row in rows]
    assert table["lesion_id"].tolist() == named
    assert table["age"].tolist() == pytest.approx(
        [float(row["age_approx"] or "nan") for row in rows], nan_ok=True
    )
    assert table["path"].tolist() == [f"{HDF5}::{row['isic_id']}.jpg" for row in rows]
    said = " ".join(capsys.readouterr().err.split())
    assert f"1 image has no row and is left out: {UNSEEN}" in said
    assert "no label for 'Atypical melanocytic neoplasm' (1)" in said
    assert "the malignancy counts: 'Solar or actinic keratosis' (1)" in said
    assert (
        f"{table['lesion_id'].eq(table['image_id']).sum()} of 40 images have no lesion_id" in said
    )


def test_isic_s_own_files_give_the_same_table(
    files: Files, read: Read, zipped: Callable[..., bytes]
):
    isic = read(as_isic(files, zipped))
    assert isic["path"].str.startswith("ISIC_2024_Training_Input.zip::").all()
    assert_frame_equal(isic.drop(columns="path"), read(files).drop(columns="path"))


def test_without_the_supplement_only_the_target_is_known(
    files: Files,
    read: Read,
    zipped: Callable[..., bytes],
    capsys: pytest.CaptureFixture[str],
):
    isic = as_isic(files, zipped)
    del isic[SUPPLEMENT]
    table = read(isic)
    assert set(table["dx"]) == {"benign", "malignant"}
    assert set(table["dx_raw"]) == {"0.0", "1.0"}
    assert table[["patient_id", "sex", "site", "age"]].isna().all(axis=None)
    said = " ".join(capsys.readouterr().err.split())
    assert f"warning: {TRUTH} tells no patients" in said
    assert SUPPLEMENT in said


def test_the_jpegs_are_taken_before_the_hdf5(files: Files, read: Read):
    images = images_of(files[HDF5])
    jpegs = {f"train-image/image/{name}.jpg": data for name, data in images.items()}
    assert read({**files, **jpegs})["path"].str.startswith("train-image/image/").all()


def test_a_zip_within_which_images_are_hdf5_is_told_to_be_unpacked(
    files: Files, make_zip: Callable[..., Path]
):
    source = Isic2024(Archive(make_zip(files, "isic-2024-challenge.zip")))
    assert source.read()["path"].isna().all()
    assert "unpack the zip first, it holds test-image.hdf5, train-image.hdf5" in source.missing_hint


def test_kaggle_s_zip_with_jpegs_is_read_as_it_is(files: Files, make_zip: Callable[..., Path]):
    images = images_of(files[HDF5])
    jpegs = {f"train-image/image/{name}.jpg": data for name, data in images.items()}
    table = Isic2024(Archive(make_zip({**files, **jpegs}))).read()
    assert table["path"].str.startswith("source.zip::train-image/image/").all()


def test_the_test_split_has_no_labels(files: Files, read: Read):
    table = read(files, "test")
    assert table["dx"].isna().all()
    assert table["dx_raw"].isna().all()
    assert table["patient_id"].notna().all()
    assert set(table["split"]) == {"test"}
    assert table["path"].str.startswith("test-image.hdf5::").all()


def test_there_is_no_validation_split(files: Files, read: Read):
    with pytest.raises(SkinError, match="no split 'validation'; take train or test"):
        read(files, "validation")


def test_a_row_without_an_image_has_no_path(files: Files, read: Read):
    more = files[TABLE].replace(b"ISIC_9700005", b"ISIC_0000005")
    table = read({**files, TABLE: more})
    assert table.loc[table["path"].isna(), "image_id"].tolist() == ["ISIC_0000005"]


@pytest.mark.parametrize("value", ["2", "", "yes"])
def test_a_target_that_is_neither_0_nor_1_is_an_error(files: Files, read: Read, value: str):
    rows = rows_of(files[TABLE])
    rows[3]["target"] = value
    with pytest.raises(SkinError, match=rf"{TABLE}, row 5: target is '{value}'"):
        read({**files, TABLE: csv_of(rows)})


def test_an_image_twice_in_the_supplement_is_an_error(
    files: Files, read: Read, zipped: Callable[..., bytes]
):
    isic = as_isic(files, zipped)
    lines = isic[SUPPLEMENT].splitlines(keepends=True)
    with pytest.raises(SkinError, match=rf"{SUPPLEMENT}, rows 2, 42: images stand there twice"):
        read({**isic, SUPPLEMENT: b"".join([*lines, lines[1]])})


def test_a_missing_table_is_an_error_that_names_it(files: Files, read: Read):
    wanted = rf"has no {TABLE} or {TRUTH}; there is test-metadata\.csv"
    with pytest.raises(SkinError, match=wanted):
        read({name: data for name, data in files.items() if name != TABLE})
    with pytest.raises(SkinError, match=r"has no test-metadata\.csv"):
        read({TABLE: files[TABLE]}, "test")


def test_it_can_be_added_and_split_by_patient(published: Callable[[str], Path], tmp_path: Path):
    source = Isic2024(Archive(published("isic2024")))
    dataset = add_dataset(source, tmp_path, name="isic2024", short_side=24).dataset
    assert dataset.info.namespace == "isic"
    folds = make_folds(dataset, k=2, seed=0)
    parts = folds.table["fold"].groupby(dataset.table["patient_id"].to_numpy()).nunique()
    assert parts.max() == 1
