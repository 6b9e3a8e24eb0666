from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from skin.data.archive import Archive
from skin.data.sources.isic2020 import Isic2020
from skin.errors import SkinError

V2 = "ISIC_2020_Training_GroundTruth_v2.csv"
V1 = "ISIC_2020_Training_GroundTruth.csv"
DUPLICATES = "ISIC_2020_Training_Duplicates.csv"
COLUMNS = (
    "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,"
    "diagnosis,benign_malignant,target"
)
ROWS = (
    "ISIC_0000000,IP_1,male,45.0,head/neck,unknown,benign,0",
    "ISIC_0000001,IP_1,male,45.0,torso,nevus,benign,0",
    "ISIC_0000002,IP_2,female,50.0,,melanoma,malignant,1",
    "ISIC_0000003,IP_2,,,torso,atypical melanocytic proliferation,benign,0",
    "ISIC_0000004,IP_3,female,90.0,palms/soles,melanoma,benign,0",
    "ISIC_0000005,IP_3,female,90.0,oral/genital,lichenoid keratosis,benign,0",
)
Files = dict[str, bytes]
Read = Callable[..., pd.DataFrame]


@pytest.fixture
def files() -> Files:
    return {
        V1: "\n".join([COLUMNS, *ROWS]).encode(),
        **{f"train/ISIC_000000{n}.jpg": b"%d" % n for n in range(6)},
        "test/ISIC_0000009.jpg": b"test",
    }


@pytest.fixture
def read(make_folder: Callable[..., Path]) -> Read:
    def read_files(files: Files, split: str = "train") -> pd.DataFrame:
        return Isic2020(Archive(make_folder(files)), split).read()

    return read_files


def test_values(files: Files, read: Read, capsys: pytest.CaptureFixture[str]):
    table = read(files)
    assert table["dx"].tolist() == ["benign", "nv", "mel", "benign", "benign", "lplk"]
    assert table["dx_raw"].tolist()[3] == "atypical melanocytic proliferation"
    assert table["patient_id"].tolist() == ["IP_1", "IP_1", "IP_2", "IP_2", "IP_3", "IP_3"]
    assert table["lesion_id"].tolist() == table["image_id"].tolist()
    assert table["age"].isna().sum() == 1
    assert table["site"].tolist()[:2] == ["head/neck", "trunk"]
    assert table["site_raw"].tolist()[1] == "torso"
    assert table["path"].notna().all()
    said = capsys.readouterr().err
    assert "no label for 'atypical melanocytic proliferation' (1)" in said
    assert "1 diagnosis contradicts whether the lesion is malignant" in said
    assert "'melanoma' (1)" in said
    assert f"there is no {DUPLICATES}" in said
    assert "have no row" not in said


def test_the_second_version_tells_lesions_and_goes_first(files: Files, read: Read):
    rows = [f"IL_{n // 2},{row}" for n, row in enumerate(ROWS)]
    files[V2] = "\n".join([f"lesion_id,{COLUMNS}", *rows]).encode()
    assert read(files)["lesion_id"].tolist() == ["IL_0", "IL_0", "IL_1", "IL_1", "IL_2", "IL_2"]


def test_duplicates_are_one_lesion(files: Files, read: Read, capsys: pytest.CaptureFixture[str]):
    """Pairs chain: 4 with 0, 5 with 4; a pair with an image that is not there is left out."""
    files[DUPLICATES] = (
        b"image_name_1,image_name_2\r\nISIC_0000004,ISIC_0000000\r\n"
        b"ISIC_0000005.jpg,ISIC_0000004\r\nISIC_0000001,ISIC_7777777\r\n"
    )
    lesions = read(files)["lesion_id"].str[-1].tolist()
    assert lesions == ["0", "1", "2", "3", "0", "0"]
    assert f"1 row of {DUPLICATES} is of images without a row" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("ISIC_0000001,ISIC_0000002", "1 lesion has duplicates of contrary labels: ISIC_0000001"),
        ("ISIC_0000002,ISIC_0000004", "1 lesion has duplicates of several patients: ISIC_0000002"),
        ("ISIC_0000000,ISIC_0000001", ""),
    ],
)
def test_contrary_duplicates_are_said(
    files: Files, read: Read, capsys: pytest.CaptureFixture[str], pair: str, message: str
):
    files[DUPLICATES] = f"image_name_1,image_name_2\n{pair}\n".encode()
    read(files)
    said = " ".join(capsys.readouterr().err.split())
    assert f"warning: {DUPLICATES}: {message}" in said if message else "duplicates" not in said
    assert "4 of 6 images have no lesion_id" in said


@pytest.mark.parametrize("root", ["test", "train", "jpeg"])
@pytest.mark.parametrize("folder", ["images", "train", "jpeg/train"])
def test_a_folder_may_have_a_common_name(
    files: Files, make_folder: Callable[..., Path], root: str, folder: str
):
    named = {n.replace("train/", f"{folder}/"): d for n, d in files.items() if "test" not in n}
    assert Isic2020(Archive(make_folder(named, root))).read()["path"].notna().all()


def test_kaggles_layout_reads_alike(files: Files, read: Read, make_folder: Callable[..., Path]):
    kaggle = {f"siim/jpeg/{n}": d for n, d in files.items() if n != V1}
    kaggle |= {"siim/train.csv": files[V1], "siim/test.csv": b"image_name,patient_id\n"}
    kaggle["siim/train/ISIC_0000000.dcm"] = b"dicom"
    source = Isic2020(Archive(make_folder(kaggle, "kaggle")))
    table = source.read()
    assert table["path"].tolist()[0] == "siim/jpeg/train/ISIC_0000000.jpg"
    pd.testing.assert_frame_equal(table.drop(columns="path"), read(files).drop(columns="path"))


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("ISIC_2020_Test_Metadata.csv", "image,patient,anatom_site_general,age_approx,sex"),
        ("test.csv", "image_name,patient_id,anatom_site_general_challenge,age_approx,sex"),
    ],
)
def test_test_metadata(files: Files, read: Read, name: str, header: str):
    files[name] = f"{header}\nISIC_0000009,IP_9,torso,30,male\n".encode()
    table = read(files, "test")
    assert table["image_id"].tolist() == ["ISIC_0000009"]
    assert table["patient_id"].tolist() == ["IP_9"]
    assert table["site"].tolist() == ["trunk"]
    assert table["dx"].isna().all()
    assert table["path"].tolist() == ["test/ISIC_0000009.jpg"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (V1, COLUMNS.replace(",target", "") + "\n" + ROWS[0][:-2], "lacks the column target"),
        (
            V1,
            f"{COLUMNS}\n{ROWS[0]}\n{ROWS[1][:-1]}1",
            f"{V1}, row 3: benign_malignant is 'benign' where target is 1",
        ),
        (V1, f"{COLUMNS}\n{ROWS[0][:-1]}2", f"{V1}, row 2: target is '2'"),
        (DUPLICATES, "image_1,image_2\na,b\n", "lacks the columns image_name_1, image_name_2"),
    ],
)
def test_errors(files: Files, read: Read, name: str, data: str, message: str):
    files[name] = data.encode()
    with pytest.raises(SkinError, match=message):
        read(files)


def test_the_published_quirks(published: Callable[[str], Path]):
    archive = Archive(published("isic2020"))
    table = Isic2020(archive).read()
    assert len(table) == 42
    assert table["lesion_id"].nunique() == 40
    assert table["patient_id"].nunique() == 14
    assert table["path"].notna().all()
    test = Isic2020(archive, "test").read()
    assert len(test) == 15
    assert test["dx"].isna().all()
    assert not set(test["patient_id"]) & set(table["patient_id"])
