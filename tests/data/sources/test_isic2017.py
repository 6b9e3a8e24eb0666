from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from skin.data.archive import Archive
from skin.data.sources.isic2017 import Isic2017
from skin.errors import SkinError

TRUTH = "ISIC-2017_Training_Part3_GroundTruth.csv"
METADATA = "ISIC-2017_Training_Data/ISIC-2017_Training_Data_metadata.csv"
Files = dict[str, bytes]


@pytest.fixture
def files() -> Files:
    folder = "ISIC-2017_Training_Data"
    return {
        TRUTH: b"image_id,melanoma,seborrheic_keratosis\n"
        b"ISIC_0000000,0.0,0.0\nISIC_0000001,1.0,0.0\nISIC_0000002,0.0,1.0\n",
        METADATA: b"image_id,age_approximate,sex\n"
        b"ISIC_0000000,55,female\nISIC_0000001,unknown,unknown\nISIC_0000002,85,male\n",
        **{f"{folder}/ISIC_000000{n}.jpg": b"%d" % n for n in range(3)},
        **{f"{folder}/ISIC_000000{n}_superpixels.png": b"%d" % n for n in range(3)},
    }


def test_values(files: Files, make_folder: Callable[..., Path]):
    table = Isic2017(Archive(make_folder(files))).read()
    assert table["dx"].tolist() == ["nv", "mel", "sk"]
    assert table["dx_raw"].tolist() == [
        "melanoma=0.0, seborrheic_keratosis=0.0",
        "melanoma=1.0, seborrheic_keratosis=0.0",
        "melanoma=0.0, seborrheic_keratosis=1.0",
    ]
    assert table["age"].tolist()[::2] == [55, 85]
    assert pd.isna(table["age"].iloc[1])
    assert table["age_raw"].tolist() == ["55", "unknown", "85"]
    assert table["sex"].fillna("?").tolist() == ["female", "?", "male"]
    assert table["site"].isna().all()
    assert table["lesion_id"].tolist() == table["image_id"].tolist()
    assert table["path"].str.endswith(".jpg").all()


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_zips_and_unpacked_read_alike(
    published: Callable[[str], Path],
    unpacked: Callable[[str], Files],
    make_folder: Callable[..., Path],
    split: str,
):
    packed = Isic2017(Archive(published("isic2017")), split).read()
    plain = Isic2017(Archive(make_folder(unpacked("isic2017"))), split).read()
    pd.testing.assert_frame_equal(packed.drop(columns="path"), plain.drop(columns="path"))
    assert packed["path"].notna().all()
    assert plain["path"].notna().all()
    assert set(packed["dx"]) == {"mel", "sk", "nv"}
    assert packed["age"].notna().sum() > len(packed) / 2


def test_the_splits_share_no_image(published: Callable[[str], Path]):
    archive = Archive(published("isic2017"))
    ids = [set(Isic2017(archive, s).read()["image_id"]) for s in ("train", "validation", "test")]
    assert len(set.union(*ids)) == sum(map(len, ids))


def test_both_columns_at_once_are_an_error(files: Files, make_folder: Callable[..., Path]):
    files[TRUTH] += b"ISIC_0000003,1.0,1.0\n"
    with pytest.raises(SkinError, match=f"{TRUTH}, row 5: 2 of the columns"):
        Isic2017(Archive(make_folder(files))).read()


def test_an_unknown_age_is_an_error_that_names_the_metadata(
    files: Files, make_folder: Callable[..., Path]
):
    files[METADATA] += b"ISIC_0000003,old,male\n"
    with pytest.raises(SkinError, match=r"Data_metadata\.csv, row 5: age 'old'"):
        Isic2017(Archive(make_folder(files))).read()


def test_without_metadata_nothing_is_known_and_that_is_said(
    files: Files, make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    del files[METADATA]
    assert Isic2017(Archive(make_folder(files))).read()["age"].isna().all()
    assert "there is no ISIC-2017_Training_Data_metadata.csv" in capsys.readouterr().err
