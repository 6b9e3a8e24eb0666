from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.folds import make_folds
from skin.data.sources.derm7pt import Derm7pt
from skin.errors import SkinError

Files = dict[str, bytes]
HEADER = "case_num,diagnosis,location,sex,clinic,derm,case_id"
META = "release_v0/meta/meta.csv"


def read(path: Path):
    return Derm7pt(Archive(path)).read()


def release(*rows: str, header: str = HEADER, images: tuple[str, ...] = ()):
    """A release of those rows, and of images that hold their own names."""
    files = {META: "\n".join([header, *rows]).encode()}
    return files | {f"release_v0/images/{name}": name.encode() for name in images}


def test_values_by_hand(make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]):
    rows = (
        "1,melanoma (in situ),head neck,female,NEL/NEL025.JPG,NEL/Nel026.jpg,",
        "2,reed or spitz nevus,lower limbs,male,NEL/NEL027.JPG,NEL/Nel028.jpg,a7",
        "3,miscellaneous,acral,,FAL/FAL001.JPG,FAL/Fal002.JPG,a7",
        "4,vascular lesion,genital areas,male,FAL/FAL003.JPG,FAL\\gone.jpg,",
    )
    images = ("NEL/Nel026.jpg", "NEL/Nel028.jpg", "Fal/Fal002.jpg", "FAL/FAL001.JPG", "odd.jpg")
    table = read(make_folder(release(*rows, images=images)))
    assert table["image_id"].tolist() == ["Nel026", "Nel028", "Fal002", "gone"]
    assert table["dx"].tolist() == ["mel", "nv", "unknown", "vasc"]
    assert table["dx_raw"].tolist()[0] == "melanoma (in situ)"
    assert table["lesion_id"].tolist() == ["1", "2", "3", "4"]
    assert table["patient_id"].isna().tolist() == [True, False, False, True]
    assert table["site"].tolist() == ["head/neck", "lower extremity", "acral", "genital"]
    assert table["site_raw"].tolist()[0] == "head neck"
    assert table["sex"].isna().sum() == 1
    assert table["path"].tolist()[:3] == [
        "release_v0/images/NEL/Nel026.jpg",
        "release_v0/images/NEL/Nel028.jpg",
        "release_v0/images/Fal/Fal002.jpg",
    ]
    assert table["path"].isna().tolist() == [False, False, False, True]
    said = capsys.readouterr().err
    assert "no label for 'miscellaneous' (1)" in said
    assert "1 image has no row and is left out: release_v0/images/odd.jpg" in said


def test_equal_names_of_two_folders_are_told_apart(make_folder: Callable[..., Path]):
    rows = (
        "1,melanoma,back,male,,NEL/a1.jpg,",
        "2,dermal nevus,back,male,,FAL/A1.jpg,",
        "3,dermal nevus,back,male,,FAL/a2.jpg,",
    )
    images = ("NEL/a1.jpg", "FAL/A1.jpg", "FAL/a2.jpg")
    table = read(make_folder(release(*rows, images=images)))
    assert table["image_id"].tolist() == ["NEL_a1", "FAL_A1", "a2"]
    assert [Path(path).parts[-2:] for path in table["path"]] == [
        ("NEL", "a1.jpg"),
        ("FAL", "A1.jpg"),
        ("FAL", "a2.jpg"),
    ]


def test_a_file_of_the_exact_name_goes_before_one_of_other_case(make_folder: Callable[..., Path]):
    row = "1,melanoma,back,male,NEL/NEL1.jpg,NEL/Nel1.jpg,"
    images = ("NEL/Nel1.jpg", "NEL/NEL1.jpg")
    (path,) = read(make_folder(release(row, images=images)))["path"]
    assert path.endswith("NEL/Nel1.jpg")
    ambiguous = release(row, images=("NEL/nel1.jpg", "NEL/NEL1.jpg"))
    with pytest.raises(SkinError, match=r"'NEL/Nel1\.jpg' of Derm7pt's table may be any of"):
        read(make_folder(ambiguous, "other"))


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (("1,melanoma,back,male,x.jpg,,",), r"meta\.csv, row 2: no dermoscopic image"),
        (
            ("1,nevus,back,male,,a/b.jpg,", "2,nevus,back,male,,a/b.jpg,"),
            r"image a_b stands in rows 2, 3",
        ),
    ],
)
def test_rows_that_name_no_image_of_their_own_are_errors(
    make_folder: Callable[..., Path], rows: tuple[str, ...], error: str
):
    with pytest.raises(SkinError, match=error):
        read(make_folder(release(*rows)))


def test_missing_columns_and_tables_are_errors(make_folder: Callable[..., Path]):
    bare = release("1", header="case_num")
    with pytest.raises(SkinError, match=r"meta\.csv lacks the columns derm, diagnosis"):
        read(make_folder(bare))
    with pytest.raises(SkinError, match=r"has no meta\.csv"):
        read(make_folder({"release_v0/meta/train_indexes.csv": b"indexes\n1\n"}, "other"))


def test_folder_zip_and_zip_in_a_folder_give_the_same_table(
    unpacked: Callable[[str], Files],
    published: Callable[[str], Path],
    make_zip: Callable[..., Path],
):
    table = read(published("derm7pt"))
    assert table["path"].notna().all()
    archive = make_zip(unpacked("derm7pt"), "release_v0.zip")
    for path in (archive, archive.parent):
        zipped = read(path)
        assert zipped["path"].str.startswith("release_v0.zip::release_v0/images/").all()
        assert_frame_equal(zipped.drop(columns="path"), table.drop(columns="path"))


def test_the_published_quirks_are_read(
    published: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
):
    table = read(published("derm7pt")).set_index("image_id")
    assert table.loc["NEL_Nel002", "path"].endswith("NEL/Nel002.JPG")
    assert table.loc["FAL_Nel002", "path"].endswith("FAL/Nel002.jpg")
    assert not table["path"].str.contains("NEL001").any()
    assert {"nv", "mel", "bcc", "sk", "df", "vasc", "other_benign", "unknown"} == set(table["dx"])
    said = capsys.readouterr().err
    assert "1 image has no row and is left out: release_v0/images/NEL/Nel000.jpg" in said


def test_it_can_be_added_and_split(published: Callable[[str], Path], tmp_path: Path):
    source = Derm7pt(Archive(published("derm7pt")))
    dataset = add_dataset(source, tmp_path, name="derm7pt", short_side=24).dataset
    assert dataset.info.namespace == ""
    folds = make_folds(dataset, k=2, seed=0)
    parts = folds.table["fold"].groupby(dataset.table["patient_id"].to_numpy()).nunique()
    assert parts.max() == 1
