from __future__ import annotations

import multiprocessing
import pickle
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from skin.data.archive import Archive
from skin.errors import SkinError

FILES = {"a.txt": b"A", "sub/b.txt": b"B", "__MACOSX/a.txt": b"x", "sub/.hidden": b"x"}


def test_folder_lists_relative_paths_and_reads(make_folder: Callable[..., Path]):
    archive = Archive(make_folder(FILES))
    assert [entry.ref for entry in archive.entries] == ["a.txt", "sub/b.txt"]
    assert archive.read("sub/b.txt") == b"B"
    assert len(archive) == 2


def test_zip_lists_inner_paths_and_reads(make_zip: Callable[..., Path]):
    archive = Archive(make_zip(FILES))
    assert [entry.ref for entry in archive.entries] == [
        "source.zip::a.txt",
        "source.zip::sub/b.txt",
    ]
    assert archive.read("source.zip::sub/b.txt") == b"B"
    assert archive.entries[1].path.as_posix() == "sub/b.txt"


def test_folder_with_zips_is_their_union(
    make_folder: Callable[..., Path], make_zip: Callable[..., Path]
):
    folder = make_folder({"a.txt": b"A"})
    (folder / "deep").mkdir()
    shutil.move(make_zip({"b.txt": b"B"}, "p.ZIP"), folder / "deep" / "p.ZIP")
    archive = Archive(folder)
    assert [entry.ref for entry in archive.entries] == ["a.txt", "deep/p.ZIP::b.txt"]
    assert archive.read("deep/p.ZIP::b.txt") == b"B"


def test_linked_folders_are_followed_but_loops_are_not(make_folder: Callable[..., Path]):
    folder = make_folder({"real/a.txt": b"A"})
    outside = make_folder({"b.txt": b"B"}, "outside")
    (folder / "loop").symlink_to(folder)
    (folder / "linked").symlink_to(outside)
    assert [entry.ref for entry in Archive(folder).entries] == ["linked/b.txt", "real/a.txt"]


@pytest.mark.parametrize(
    "name", ["../up.txt", "a/../../up.txt", "/etc/up.txt", "C:/up.txt", "..\\up.txt", "c:up.txt"]
)
def test_entries_that_escape_are_refused_by_name(make_zip: Callable[..., Path], name: str):
    with pytest.raises(SkinError, match="point outside") as caught:
        Archive(make_zip({"good.txt": b"", name: b"bad"}))
    assert name in str(caught.value)


def test_symbolic_links_in_a_zip_are_refused(tmp_path: Path):
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(SkinError, match=r"link\.txt"):
        Archive(tmp_path / "source.zip")


def test_dots_within_a_name_do_not_escape(make_zip: Callable[..., Path]):
    assert len(Archive(make_zip({"a..b/c...jpg": b""}))) == 1


def test_what_is_no_zip_is_an_error(tmp_path: Path):
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(SkinError, match=r"broken\.zip is not a zip archive"):
        Archive(tmp_path / "broken.zip")
    with pytest.raises(SkinError, match=r"broken\.zip is not a zip archive"):
        Archive(tmp_path)


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(SkinError, match="does not exist"):
        Archive(tmp_path / "nothing")


def test_reading_what_is_not_listed_is_an_error(make_folder: Callable[..., Path]):
    archive = Archive(make_folder(FILES))
    with pytest.raises(SkinError, match=r"no file \.\./secret"):
        archive.read("../secret")


def test_a_damaged_entry_is_an_error(make_zip: Callable[..., Path]):
    path = make_zip({"a.txt": b"content"})
    path.write_bytes(path.read_bytes().replace(b"content", b"CONTENT", 1))
    archive = Archive(path)
    with pytest.raises(SkinError, match=r"cannot read source\.zip::a\.txt"):
        archive.read("source.zip::a.txt")


def test_an_entry_that_unpacks_too_large_is_not_read(
    make_zip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("skin.data.archive.archive.LARGEST", 1000)
    archive = Archive(make_zip({"bomb.bin": bytes(1001)}))
    with pytest.raises(SkinError, match="1,001 bytes"):
        archive.read("source.zip::bomb.bin")


def test_a_file_in_a_folder_that_is_too_large_is_not_read(
    make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("skin.data.archive.archive.LARGEST", 1000)
    archive = Archive(make_folder({"big.bin": bytes(1001), "small.bin": bytes(1000)}))
    with pytest.raises(SkinError, match="1,001 bytes"):
        archive.read("big.bin")
    assert archive.read("small.bin") == bytes(1000)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_members_packed_in_any_way_are_read(tmp_path: Path, method: int):
    content = {f"{number}.bin": bytes([number]) * 999 for number in range(3)}
    with zipfile.ZipFile(tmp_path / "source.zip", "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    read = Archive(tmp_path / "source.zip").read
    assert {name: read(f"source.zip::{name}") for name in content} == content


def test_a_zip_behind_other_bytes_and_with_long_headers_is_read(tmp_path: Path):
    # As of a self-extracting archive; a forced zip64 header has an extra field of its own.
    path = tmp_path / "source.zip"
    path.write_bytes(b"#!/bin/sh\n" * 10)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.txt", "w", force_zip64=True) as member,
    ):
        member.write(b"content")
    assert Archive(path).read("source.zip::a.txt") == b"content"


def test_of_two_members_of_one_name_the_last_one_counts(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        archive.writestr("a.txt", b"first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.txt", b"second")
    archive = Archive(tmp_path / "source.zip")
    assert [archive.read(entry.ref) for entry in archive.entries] == [b"second"]


def test_a_zip_that_was_replaced_since_it_was_listed_is_an_error(make_zip: Callable[..., Path]):
    path = make_zip(FILES)
    archive = Archive(path)
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(SkinError, match=r"a\.txt: the zip is not what it was"):
        archive.read("source.zip::a.txt")
    path.write_bytes(b"")
    with pytest.raises(SkinError, match=r"cannot read source\.zip::a\.txt"):
        archive.read("source.zip::a.txt")
    path.unlink()
    with pytest.raises(SkinError, match=r"cannot read source\.zip::a\.txt: .*No such file"):
        archive.read("source.zip::a.txt")


def test_an_encrypted_member_is_an_error(make_zip: Callable[..., Path]):
    path = make_zip({"a.txt": b"content"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flags in the zip's directory
    path.write_bytes(data)
    with pytest.raises(SkinError, match=r"a\.txt: it is encrypted"):
        Archive(path).read("source.zip::a.txt")


def test_a_dangling_link_is_left_out(make_folder: Callable[..., Path]):
    folder = make_folder({"a.txt": b"A"})
    (folder / "gone.txt").symlink_to(folder / "nothing")
    assert [entry.ref for entry in Archive(folder).entries] == ["a.txt"]


def test_pickled_archive_reads(make_zip: Callable[..., Path]):
    archive = Archive(make_zip(FILES))
    archive.read("source.zip::a.txt")
    assert pickle.loads(pickle.dumps(archive)).read("source.zip::a.txt") == b"A"  # noqa: S301


def test_forked_readers_do_not_disturb_each_other(make_zip: Callable[..., Path]):
    content = {f"{number}.bin": bytes([number]) * 5000 for number in range(40)}
    archive = Archive(make_zip(content))
    refs = [f"source.zip::{name}" for name in content]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        read = pool.map(archive.read, refs * 5, chunksize=1)
    assert read == list(content.values()) * 5


def test_fingerprint_of_a_zip_follows_its_content(make_zip: Callable[..., Path]):
    first = Archive(make_zip({"a": b"1"})).fingerprint()
    assert Archive(make_zip({"a": b"1"})).fingerprint() == first
    assert Archive(make_zip({"a": b"2"})).fingerprint() != first


def test_fingerprint_of_a_folder_changes_when_a_file_does(make_folder: Callable[..., Path]):
    folder = make_folder({"a": b"1"})
    first = Archive(folder).fingerprint()
    assert Archive(folder).fingerprint() == first
    (folder / "a").write_bytes(b"22")
    assert Archive(folder).fingerprint() != first
