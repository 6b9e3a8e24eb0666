from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skin.data.archive import Archive
from skin.data.sources.csv import Columns, CsvSource
from skin.errors import SkinError

IMAGES = {"x/a.jpg": b"1", "y/b.png": b"2", "y/v1.2.jpg": b"3", "notes.txt": b""}


@pytest.fixture
def source(make_folder: Callable[..., Path], tmp_path: Path):
    def make(text: str, images: dict[str, bytes] = IMAGES, **columns: str) -> CsvSource:
        table = tmp_path / "labels.csv"
        table.write_text(text)
        folder = tmp_path / "images"
        archive = Archive(folder if folder.exists() else make_folder(images, "images"))
        return CsvSource(archive, table, Columns(image_id="file", **columns))

    return make


def test_images_are_found_by_name_path_and_without_suffix(source: Callable[..., CsvSource]):
    table = source("file,dx\na,nv\ny/b.png,mel\nv1.2,bkl\n").read()
    assert table["path"].tolist() == ["x/a.jpg", "y/b.png", "y/v1.2.jpg"]
    assert table["image_id"].tolist() == ["a", "b", "v1.2"]


def test_images_in_a_zip(make_zip: Callable[..., Path], tmp_path: Path):
    (tmp_path / "labels.csv").write_text("file,dx\nx/a.jpg,nv\n")
    source = CsvSource(Archive(make_zip(IMAGES)), tmp_path / "labels.csv", Columns(image_id="file"))
    assert source.read()["path"].tolist() == ["source.zip::x/a.jpg"]


def test_without_a_lesion_column_each_image_is_one_and_that_is_said(
    source: Callable[..., CsvSource], capsys: pytest.CaptureFixture[str]
):
    table = source("file,dx\na,nv\nb,nv\n").read()
    assert table["lesion_id"].tolist() == ["a", "b"]
    assert "--lesion-column" in capsys.readouterr().err


def test_named_columns(source: Callable[..., CsvSource], capsys: pytest.CaptureFixture[str]):
    text = "file,dx,case,person,years\na,nv,L1,P1,40\nb,mel,L2,P1,\n"
    table = source(text, lesion_id="case", patient_id="person", age="years").read()
    assert table["lesion_id"].tolist() == ["L1", "L2"]
    assert table["patient_id"].tolist() == ["P1", "P1"]
    assert table["age"].tolist()[0] == 40
    err = capsys.readouterr().err
    assert "--lesion-column" not in err
    assert "1 image has no row" in err


@pytest.mark.parametrize("name", ["c.jpg", "a.png", "z/a.jpg"])
def test_a_row_without_an_image_has_no_path(source: Callable[..., CsvSource], name: str):
    table = source(f"file,dx\nb,nv\n{name},nv\n").read()
    assert table["path"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,dx\na,nv\n", "lacks the column file; it has: name, dx"),
    ],
)
def test_errors(source: Callable[..., CsvSource], text: str, message: str):
    with pytest.raises(SkinError, match=message):
        source(text).read()


def test_a_name_that_fits_two_files_is_refused(source: Callable[..., CsvSource]):
    images = {"x/a.jpg": b"1", "y/a.jpg": b"2"}
    with pytest.raises(SkinError, match=r"'a' could be any of x/a\.jpg, y/a\.jpg"):
        source("file,dx\na,nv\n", images).read()
    assert source("file,dx\ny/a,nv\n", images).read()["path"].tolist() == ["y/a.jpg"]


def test_a_missing_csv_is_an_error(make_folder: Callable[..., Path], tmp_path: Path):
    source = CsvSource(Archive(make_folder(IMAGES)), tmp_path / "none.csv", Columns())
    with pytest.raises(SkinError, match=r"cannot read .*none\.csv"):
        source.read()


def test_fingerprint_follows_table_and_columns(source: Callable[..., CsvSource]):
    first = source("file,dx\na,nv\n").fingerprint()
    assert source("file,dx\na,nv\n").fingerprint() == first
    assert source("file,dx\na,mel\n").fingerprint() != first
    assert source("file,dx\na,nv\n", age="dx").fingerprint() != first
