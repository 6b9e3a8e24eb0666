"""What all challenge readers do alike, by ISIC 2018's: its validation has few files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skin.data.archive import Archive
from skin.data.sources.isic2018 import Isic2018
from skin.data.sources.isic2019 import Isic2019
from skin.errors import SkinError

HEADER = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n"
TRUTH = f"{HEADER}ISIC_0000001,1,0,0,0,0,0,0\nISIC_0000002,0,1,0,0,0,0,0\n"
TRUTH_NAME = "ISIC2018_Task3_Validation_GroundTruth.csv"
INPUT = "ISIC2018_Task3_Validation_Input"
FILES = {
    TRUTH_NAME: TRUTH.encode(),
    f"{INPUT}/ISIC_0000001.jpg": b"one",
    f"{INPUT}/ISIC_0000002.JPG": b"second",
}
Files = dict[str, bytes]
MakeFolder = Callable[..., Path]


def read(folder: Path, split: str = "validation"):
    return Isic2018(Archive(folder), split).read()


def test_a_split_is_read(make_folder: MakeFolder):
    table = read(make_folder(FILES))
    assert table["image_id"].tolist() == ["ISIC_0000001", "ISIC_0000002"]
    assert table["dx"].tolist() == ["mel", "nv"]
    assert table["lesion_id"].tolist() == table["image_id"].tolist()
    assert set(table["split"]) == {"validation"}
    assert set(table["source"]) == {"isic2018"}
    assert table["path"].tolist() == list(FILES)[1:]


@pytest.mark.parametrize(
    "change",
    [
        lambda files, _: {f"deep/er/{name}": data for name, data in files.items()},
        lambda files, _: {name.upper(): data for name, data in files.items()},
        lambda files, zipped: {"all.zip": zipped(files)},
        lambda files, zipped: {
            TRUTH_NAME: files[TRUTH_NAME],
            f"{INPUT}.zip": zipped({k.split("/")[1]: v for k, v in files.items() if "/" in k}),
        },
    ],
    ids=["deeper", "capitals", "one zip", "images at a zip's root"],
)
def test_where_files_lie_makes_no_difference(
    make_folder: MakeFolder, zipped: Callable[..., bytes], change: Callable[..., Files]
):
    table = read(make_folder(change(FILES, zipped)))
    assert table["path"].notna().all()
    assert table["dx"].tolist() == ["mel", "nv"]


def test_images_unpacked_beside_their_zip_are_one(
    make_folder: MakeFolder, zipped: Callable[..., bytes]
):
    images = {name: data for name, data in FILES.items() if "/" in name}
    table = read(make_folder({**FILES, f"{INPUT}.zip": zipped(images)}))
    assert table["path"].tolist() == list(images)


def test_two_files_of_an_image_that_differ_are_an_error(make_folder: MakeFolder):
    files = {**FILES, f"{INPUT}/copy/ISIC_0000001.jpg": b"two"}
    with pytest.raises(SkinError, match="files for ISIC_0000001 that differ"):
        read(make_folder(files))
    del files[f"{INPUT}/copy/ISIC_0000001.jpg"]
    files |= {f"{INPUT}/ISIC_0000003.jpg": b"3", f"{INPUT}/copy/ISIC_0000003.jpg": b"4"}
    assert read(make_folder(files, "without row"))["path"].notna().all()


def test_the_published_folder_goes_before_other_places(make_folder: MakeFolder):
    files = {
        **FILES,
        "elsewhere/ISIC_0000001.jpg": b"smaller",
        "ISIC2018_Task3_Test_Input/ISIC_0000001.jpg": b"of the test",
    }
    assert read(make_folder(files))["path"].tolist() == list(FILES)[1:]


def test_a_folder_of_another_name_will_do_but_not_that_of_another_split(make_folder: MakeFolder):
    files = {
        TRUTH_NAME: FILES[TRUTH_NAME],
        "mine/ISIC_0000001.jpg": b"one",
        "ISIC2018_Task3_Test_Input/ISIC_0000002.jpg": b"of the test",
    }
    assert read(make_folder(files))["path"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "folder",
    [
        "ISIC_2019_Training_Input",
        "ISIC_2019_Training_Input/deep/er",
        "ISIC_2020_Training_JPEG/train",
        "ISIC2018_Task3_Test_Input",
    ],
)
def test_another_challenges_images_are_not_taken(make_folder: MakeFolder, folder: str):
    files = {TRUTH_NAME: FILES[TRUTH_NAME], f"{folder}/ISIC_0000001.jpg": b"of another"}
    assert read(make_folder(files))["path"].isna().all()


@pytest.mark.parametrize("folder", ["mine", "train", "test-image"])
def test_where_images_of_no_published_folder_come_from_is_said(
    make_folder: MakeFolder, capsys: pytest.CaptureFixture[str], folder: str
):
    files = {TRUTH_NAME: FILES[TRUTH_NAME], f"{folder}/ISIC_0000001.jpg": b"one"}
    assert read(make_folder(files))["path"].notna().tolist() == [True, False]
    said = capsys.readouterr().err
    assert f"there is no {INPUT}: the images are taken from {folder}\n" in said


def test_masks_and_superpixels_are_no_images(
    make_folder: MakeFolder, capsys: pytest.CaptureFixture[str]
):
    files = {**FILES, f"{INPUT}/ISIC_0000001_superpixels.png": b"", "ISIC_1_segmentation.png": b""}
    assert len(read(make_folder(files))) == 2
    assert "no row" not in capsys.readouterr().err


def test_an_image_without_a_row_is_said_and_a_row_without_an_image_has_no_path(
    make_folder: MakeFolder, capsys: pytest.CaptureFixture[str]
):
    files = {**FILES, f"{INPUT}/ISIC_0000009.jpg": b"nine"}
    del files[f"{INPUT}/ISIC_0000001.jpg"]
    assert read(make_folder(files))["path"].isna().tolist() == [True, False]
    assert "1 image has no row and is left out: ISIC_0000009" in capsys.readouterr().err


def test_without_a_truth_the_images_are_the_rows(
    make_folder: MakeFolder, capsys: pytest.CaptureFixture[str]
):
    files = {name: data for name, data in FILES.items() if name != TRUTH_NAME}
    files["labels.csv"] = b"a\n1\n"
    table = read(make_folder(files))
    assert table["image_id"].tolist() == ["ISIC_0000001", "ISIC_0000002"]
    assert table["dx"].isna().all()
    said = " ".join(capsys.readouterr().err.split())
    assert f"there is no {TRUTH_NAME}: the images have no labels; there is labels.csv" in said


def test_neither_truth_nor_folder_is_an_error(make_folder: MakeFolder):
    wanted = f"neither {INPUT}.zip nor {TRUTH_NAME}; there is no table at all"
    with pytest.raises(SkinError, match=wanted):
        read(make_folder({"mine/ISIC_0000001.jpg": b"one"}))


def test_the_folder_itself_may_be_named(make_folder: MakeFolder):
    images = {name.split("/")[1]: data for name, data in FILES.items() if "/" in name}
    assert read(make_folder(images, INPUT))["image_id"].tolist() == ["ISIC_0000001", "ISIC_0000002"]


def test_a_missing_training_truth_is_named_with_what_is_there(make_folder: MakeFolder):
    with pytest.raises(
        SkinError, match=f"has no .*Training_GroundTruth.csv; there is {TRUTH_NAME}"
    ):
        read(make_folder(FILES), "train")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("ISIC_0000003,0,0,0,0,0,0,0", "row 4: 0 of the columns"),
        ("ISIC_0000003,1,1,0,0,0,0,0", "row 4: 2 of the columns"),
        ("ISIC_0000002.jpg,1,0,0,0,0,0,0", "image ISIC_0000002 stands in rows 3, 4"),
        ("ISIC_0000002_downsampled,1,0,0,0,0,0,0", "image ISIC_0000002 stands in rows 3, 4"),
    ],
)
def test_a_bad_row_is_named(make_folder: MakeFolder, row: str, message: str):
    files = {**FILES, TRUTH_NAME: f"{TRUTH}{row}\n".encode()}
    with pytest.raises(SkinError, match=f"{TRUTH_NAME}.*{message}"):
        read(make_folder(files))


def test_an_unknown_split_is_an_error(make_folder: MakeFolder):
    with pytest.raises(SkinError, match="ISIC 2019 has no split 'validation'; take train or test"):
        Isic2019(Archive(make_folder(FILES)), "validation")


def test_the_fingerprint_is_of_the_files_and_the_split(make_folder: MakeFolder):
    archive = Archive(make_folder(FILES))
    validation = Isic2018(archive, "validation").fingerprint()
    assert validation == Isic2018(archive, "validation").fingerprint()
    assert validation != Isic2018(archive, "test").fingerprint()
    files = {**FILES, TRUTH_NAME: TRUTH.encode() + b"\n"}
    assert validation != Isic2018(Archive(make_folder(files, "b")), "validation").fingerprint()


def test_what_is_missing_is_told_where_to_find(make_folder: MakeFolder):
    source = Isic2018(Archive(make_folder(FILES)), "validation")
    assert f"{INPUT}.zip" in source.missing_hint
    assert "CC BY-NC" in source.licence
    assert "Tschandl" in source.citation
    assert source.namespace == "isic"
