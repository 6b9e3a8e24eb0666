from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from skin.data.archive import Archive
from skin.data.sources.contents import Contents, find_images, hdf5_hint, unpack_hint
from skin.errors import SkinError

Make = Callable[..., Path]


def test_tables_are_found_anywhere_in_any_case_the_first_name_first(make_folder: Make):
    contents = Contents(
        Archive(make_folder({"deep/A.CSV": b"x,y\n1,2\n", "b.csv": b"x\n3\n", "c.txt": b"x\n4\n"}))
    )
    table = contents.require("nothing.csv", "a.csv", "b.csv")
    assert table.name == "deep/A.CSV"
    assert table.rows.to_dict("list") == {"x": ["1"], "y": ["2"]}
    assert list(contents.require("a.csv", only={"y"}).rows) == ["y"]
    assert contents.find("c.txt") is None


def test_equal_copies_are_one_and_others_an_error(make_folder: Make):
    files = {"a/t.csv": b"x\n1\n", "b/t.csv": b"x\n1\n"}
    assert Contents(Archive(make_folder(files))).require("t.csv").name == "a/t.csv"
    other = make_folder({**files, "c/t.csv": b"x\n2\n"})
    with pytest.raises(SkinError, match=r"differ: a/t\.csv, b/t\.csv, c/t\.csv"):
        Contents(Archive(other)).require("t.csv")


def test_a_missing_table_is_an_error_that_says_what_is_there(make_folder: Make):
    contents = Contents(Archive(make_folder({"other.csv": b"x\n1\n"})))
    with pytest.raises(SkinError, match=r"has no a\.csv or b\.csv; there is other\.csv"):
        contents.require("a.csv", "b.csv")


@pytest.mark.parametrize("name", ["t.tab", "t.tsv", "T", "deep/t.csv"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\r\n", "\ufeff\n"])
def test_tabs_separate_too_and_a_suffix_makes_no_difference(make_folder: Make, name: str, start):
    contents = Contents(Archive(make_folder({name: f"{start}a\tb\n1,5\t2\n".encode()})))
    assert contents.holds("t.csv")
    assert contents.require("t.csv").rows.to_dict("records") == [{"a": "1,5", "b": "2"}]


def test_a_missing_table_of_a_folder_of_images_may_lie_above_it(make_folder: Make, make_zip: Make):
    hint = "there is no table at all; name the folder that holds tables and images"
    for path in (make_folder({"a.jpg": b""}), make_zip({"a.jpg": b""})):
        with pytest.raises(SkinError, match=hint):
            Contents(Archive(path)).require("t.csv")


def test_a_zip_within_a_zip_is_to_be_unpacked(make_zip: Make):
    archive = Archive(make_zip({"inner.zip": b""}))
    assert unpack_hint(archive) == "; unpack it first, it holds inner.zip"


def paths(archive: Archive, *ids: str) -> list[str]:
    return find_images(pd.Series(ids), Contents(archive).images(), archive).tolist()


def test_images_are_by_id_and_files_go_before_members(make_folder: Make, make_zip: Make):
    folder = make_folder({"x/A.JPG": b"same", "x/b.png": b"b", "x/a.txt": b""})
    make_zip({"A.jpg": b"same", "c.jpeg": b"c"}).rename(folder / "a.zip")
    with h5py.File(folder / "t.hdf5", "w") as file:
        file["A"] = file["d"] = np.void(b"of unknown size")
    expected = ["x/A.JPG", "x/b.png", "a.zip::c.jpeg", "t.hdf5::d.jpg"]
    assert paths(Archive(folder), "A", "b", "c", "d") == expected


def test_masks_are_no_images(make_folder: Make):
    files = {"a_superpixels.png": b"", "a_Segmentation.png": b"", "a.jpg": b""}
    images = Contents(Archive(make_folder(files))).images()
    assert [entry.ref for entry in images] == ["a.jpg"]


@pytest.mark.parametrize(
    "files",
    [
        {"x/a.jpg": b"1", "y/a.jpg": b"22"},
        {"x/a.jpg": b"1", "y/a.jpg": b"2"},
        {"x/a.jpg": b"1", "y.zip": {"a.jpg": b"2"}},
        {"x.zip": {"a.jpg": b"1"}, "y.zip": {"a.jpg": b"2"}},
        {"x/a.jpg": b"", "y/a.jpg": b"2"},
    ],
    ids=["sizes", "files", "file and member", "members", "empty"],
)
def test_files_of_one_id_that_differ_are_an_error(
    make_folder: Make, zipped: Callable[..., bytes], files: dict[str, object]
):
    """But only if that image is asked for."""
    content = {n: zipped(d) if isinstance(d, dict) else d for n, d in files.items()}
    archive = Archive(make_folder({**content, "b.jpg": b"b"}))
    with pytest.raises(SkinError, match=r"files for a that differ: x.*a\.jpg, y.*a\.jpg"):
        paths(archive, "a")
    assert paths(archive, "b") == ["b.jpg"]


def test_images_without_a_row_are_said(make_folder: Make, capsys: pytest.CaptureFixture[str]):
    archive = Archive(make_folder({f"{name}.jpg": b"" for name in "abc"}))
    paths(archive, "a", "c")
    assert "1 image has no row and is left out: b" in capsys.readouterr().err
    paths(archive, "a")
    assert "2 images have no row and are left out: b, c" in capsys.readouterr().err


def test_an_hdf5_file_in_a_zip_is_told_of(make_zip: Make, make_folder: Make):
    hint = hdf5_hint(Archive(make_zip({"deep/t.hdf5": b"", "a.csv": b""})))
    assert hint == "; unpack the zip first, it holds t.hdf5, which cannot be read in place"
    assert hdf5_hint(Archive(make_folder({"a.csv": b""}))) == ""
