from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from skin.data.archive import Archive
from skin.data.sources.contents import Contents, hdf5_hint, ref_by_id
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


def test_images_are_by_id_and_files_go_before_members(make_folder: Make, make_zip: Make):
    folder = make_folder({"x/A.JPG": b"same", "x/b.png": b"b", "x/a.txt": b""})
    make_zip({"A.jpg": b"same", "c.jpeg": b"c"}).rename(folder / "a.zip")
    with h5py.File(folder / "t.hdf5", "w") as file:
        file["A"] = file["d"] = np.void(b"of unknown size")
    archive = Archive(folder)
    assert ref_by_id(Contents(archive).images(), archive) == {
        "A": "x/A.JPG",
        "b": "x/b.png",
        "c": "a.zip::c.jpeg",
        "d": "t.hdf5::d.jpg",
    }


def test_files_of_one_id_that_differ_are_an_error(make_folder: Make):
    archive = Archive(make_folder({"x/a.jpg": b"1", "y/a.jpg": b"22"}))
    with pytest.raises(SkinError, match=r"files for a that differ: x/a\.jpg, y/a\.jpg"):
        ref_by_id(Contents(archive).images(), archive)


def test_an_hdf5_file_in_a_zip_is_told_of(make_zip: Make, make_folder: Make):
    hint = hdf5_hint(Archive(make_zip({"deep/t.hdf5": b"", "a.csv": b""})))
    assert hint == "; unpack the zip first, it holds t.hdf5, which cannot be read in place"
    assert hdf5_hint(Archive(make_folder({"a.csv": b""}))) == ""
