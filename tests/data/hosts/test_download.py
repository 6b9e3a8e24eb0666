from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from skin.data.hosts.download import download, require_accepted
from skin.data.hosts.record import Record
from skin.data.hosts.remote import Checksum, RemoteFile
from skin.data.sources.terms import TERMS
from skin.errors import SkinError


@pytest.fixture
def host(host):
    host.files["/a.csv"], host.files["/b.csv"] = b"image\n", b"image,MEL\n"
    return host


def listing(host, *names: str):
    return lambda: [RemoteFile(name, f"{host.url}/{name}") for name in names]


def nobody():
    pytest.fail("the host was asked")


def test_files_terms_and_record_lie_together(host, tmp_path: Path):
    download("isic2018 train", listing(host, "a.csv", "b.csv"), tmp_path / "x", pause=0)
    there = sorted(path.name for path in (tmp_path / "x").iterdir() if path.name != ".lock")
    assert there == ["CITATION.txt", "LICENCE.txt", "a.csv", "b.csv", "downloads.json"]
    licence = (tmp_path / "x" / "LICENCE.txt").read_text()
    assert "ISIC 2018 task 3" in licence
    assert "licences/by-nc" in licence.replace("licenses", "licences")
    assert TERMS["isic2018"].citation in (tmp_path / "x" / "CITATION.txt").read_text()
    assert Record.load(tmp_path / "x").parts == {"isic2018 train": ["a.csv", "b.csv"]}


def test_what_is_whole_asks_nobody(host, tmp_path: Path):
    md5 = Checksum("md5", hashlib.md5(host.files["/a.csv"], usedforsecurity=False).hexdigest())
    file = RemoteFile("a.csv", f"{host.url}/a.csv", 6, md5)
    download("ham10000", lambda: [file], tmp_path, pause=0)
    download("ham10000", nobody, tmp_path, pause=0)


def test_the_host_is_asked_where_only_a_size_was_known(host, tmp_path: Path):
    for _ in range(2):
        download("ham10000", listing(host, "a.csv"), tmp_path, pause=0)
    assert [method for method, *_ in host.requests] == ["HEAD", "GET", "HEAD"]


def test_what_was_edited_is_fetched_again(host, tmp_path: Path):
    download("ham10000", listing(host, "a.csv"), tmp_path, pause=0)
    (tmp_path / "a.csv").write_bytes(b"edited")
    download("ham10000", listing(host, "a.csv"), tmp_path, pause=0)
    assert (tmp_path / "a.csv").read_bytes() == b"image\n"


def test_one_folder_can_hold_several_datasets(host, tmp_path: Path):
    download("isic2019 test", listing(host, "a.csv"), tmp_path, pause=0)
    download("ham10000", listing(host, "b.csv"), tmp_path, pause=0)
    text = (tmp_path / "LICENCE.txt").read_text()
    assert text.index("HAM10000") < text.index("ISIC 2019")


def test_what_broke_off_is_not_recorded_as_whole(host, tmp_path: Path):
    with pytest.raises(SkinError, match=r"gone\.csv"):
        download("ham10000", listing(host, "a.csv", "gone.csv"), tmp_path, pause=0)
    assert Record.load(tmp_path).parts == {}


def test_the_licence_must_be_accepted():
    require_accepted("pad_ufes", accepted=True)
    with pytest.raises(SkinError, match="--accept-licence if you have read the terms of PAD-UFES"):
        require_accepted("pad_ufes", accepted=False)


@pytest.mark.parametrize("text", ['{"parts": 3}', '{"other": {}}', "not JSON"])
def test_a_damaged_record_is_named(host, tmp_path: Path, text: str):
    (tmp_path / "downloads.json").write_text(text)
    with pytest.raises(SkinError, match=r"downloads\.json"):
        download("ham10000", listing(host, "a.csv"), tmp_path, pause=0)
