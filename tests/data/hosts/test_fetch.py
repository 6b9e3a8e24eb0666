from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from skin.data.hosts import fetch
from skin.data.hosts.fetch import fetch_all
from skin.data.hosts.record import Record
from skin.data.hosts.remote import Checksum, RemoteFile
from skin.errors import SkinError

CONTENT = bytes(range(256)) * 40
MD5 = Checksum("md5", hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = CONTENT[::-1]


@pytest.fixture
def host(host):
    host.files["/a.bin"] = CONTENT
    return host


def fetch_one(host, folder: Path, checksum: Checksum | None = MD5, size: int | None = len(CONTENT)):
    """Fetch a.bin into a folder that has a record; without a size, the host is asked for it."""
    folder.mkdir(exist_ok=True)
    record = Record.load(folder)
    fetch_all([RemoteFile("a.bin", f"{host.url}/a.bin", size, checksum)], folder, record, pause=0)
    return record


def start_part(folder: Path, url: str, content: bytes, etag: str):
    """What a fetch that was stopped leaves."""
    (folder / "a.bin.part").write_bytes(content)
    state = {"url": url, "etag": etag, "modified": ""}
    (folder / "a.bin.part.json").write_text(json.dumps(state))


def names(folder: Path):
    return sorted(path.name for path in folder.iterdir())


def test_fetches_whole_files_and_keeps_a_record(host, tmp_path: Path):
    fetch_one(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert names(tmp_path) == ["a.bin", "downloads.json"]
    known = Record.load(tmp_path).files["a.bin"]
    assert (known.url, known.size, known.sha256) == (f"{host.url}/a.bin", len(CONTENT), SHA256)
    assert known.checked == "md5"


def test_a_second_run_asks_no_host(host, tmp_path: Path):
    fetch_one(host, tmp_path)
    host.requests.clear()
    fetch_one(host, tmp_path)
    assert host.requests == []


def test_a_host_is_asked_again_for_what_only_the_size_spoke_for(host, tmp_path: Path):
    fetch_one(host, tmp_path, checksum=None, size=None)
    host.requests.clear()
    fetch_one(host, tmp_path, checksum=None, size=None)
    assert host.requests == [("HEAD", None, None)]
    host.files["/a.bin"] = CONTENT + b"more"
    fetch_one(host, tmp_path, checksum=None, size=None)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT + b"more"


@pytest.mark.parametrize("size", [None, 6])
def test_a_web_page_is_no_file(host, tmp_path: Path, size: int | None):
    host.files["/a.bin"] = b"<html>"
    host.headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(SkinError, match=r"a\.bin answers with a web page, not with a\.bin"):
        fetch_one(host, tmp_path, checksum=None, size=size)
    host.headers = {}
    with pytest.raises(SkinError, match=r"a\.bin arrived damaged \(a web page\)"):
        fetch_one(host, tmp_path, checksum=None, size=size)
    assert not (tmp_path / "a.bin").exists()


def test_a_web_page_that_was_kept_is_fetched_again(host, tmp_path: Path):
    """As a version of this program that did not look kept it."""
    page = b"\n<!DOCTYPE HTML>".ljust(len(CONTENT))
    (tmp_path / "a.bin").write_bytes(page)
    known = {"url": f"{host.url}/a.bin", "size": len(page), "checked": "size", "date": ""}
    known["sha256"] = hashlib.sha256(page).hexdigest()
    (tmp_path / "downloads.json").write_text(json.dumps({"files": {"a.bin": known}}))
    fetch_one(host, tmp_path, checksum=None)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_file_that_came_otherwise_is_taken_up(host, tmp_path: Path):
    (tmp_path / "a.bin").write_bytes(CONTENT)
    record = fetch_one(host, tmp_path)
    assert host.requests == []
    assert record.files["a.bin"].sha256 == SHA256


def test_a_damaged_file_is_fetched_again(host, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    fetch_one(host, tmp_path)
    (tmp_path / "a.bin").write_bytes(OTHER)
    capsys.readouterr()
    fetch_one(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert "is fetched again" in capsys.readouterr().err


def test_goes_on_where_it_was(host, tmp_path: Path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:1000])
    fetch_one(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert host.ranges == ["bytes=1000-"]


def test_broken_connections_are_resumed(host, tmp_path: Path):
    host.cut = [3000, 0, 2000]
    fetch_one(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert host.ranges == [None, "bytes=3000-", "bytes=3000-", "bytes=5000-"]


def test_a_server_without_ranges_begins_anew(host, tmp_path: Path):
    host.understands_ranges = False
    (tmp_path / "a.bin.part").write_bytes(b"x" * 1000)
    fetch_one(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(host, tmp_path: Path):
    host.statuses = [503, 429, 503]
    fetch_one(host, tmp_path, checksum=None, size=None)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_server_that_keeps_failing_is_given_up_and_the_part_kept(host, tmp_path: Path):
    host.cut = [3000, *[0] * 20]
    with pytest.raises(SkinError, match=r"ended early.*run the same command again"):
        fetch_one(host, tmp_path)
    assert (tmp_path / "a.bin.part").stat().st_size == 3000
    host.cut = []
    fetch_one(host, tmp_path)
    assert host.ranges[-1] == "bytes=3000-"


@pytest.mark.parametrize("size", [None, len(CONTENT)])
@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_final(host, tmp_path: Path, status: int, size: int | None):
    host.statuses = [status]
    with pytest.raises(SkinError, match=rf"cannot fetch a\.bin from http.*says {status}"):
        fetch_one(host, tmp_path, size=size)
    assert len(host.requests) == 1


def test_a_name_that_is_gone_is_told_before_anything_is_fetched(host, tmp_path: Path):
    files = [RemoteFile(name, f"{host.url}/{name}") for name in ("a.bin", "gone.csv")]
    with pytest.raises(SkinError, match=r"gone\.csv.*says 404"):
        fetch_all(files, tmp_path, Record(), pause=0)
    assert host.ranges == []


def test_a_wrong_checksum_is_thrown_away(host, tmp_path: Path):
    with pytest.raises(SkinError, match=r"arrived damaged \(MD5 .* its host says 0+\)"):
        fetch_one(host, tmp_path, Checksum("md5", "0" * 32))
    assert names(tmp_path) == []


def test_a_part_longer_than_the_file_is_thrown_away(host, tmp_path: Path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"more")
    with pytest.raises(SkinError, match="arrived damaged"):
        fetch_one(host, tmp_path)
    fetch_one(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_file_shorter_than_announced_is_given_up(host, tmp_path: Path):
    with pytest.raises(SkinError, match="cannot fetch"):
        fetch_one(host, tmp_path, size=len(CONTENT) + 1)


def test_a_full_disk_is_told_before(host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10_000}))
    with pytest.raises(SkinError, match=r"0\.0 GB are needed; choose a folder on another disk"):
        fetch_one(host, tmp_path, checksum=None, size=None)
    assert host.ranges == []


def test_only_the_web_is_asked(tmp_path: Path):
    with pytest.raises(SkinError, match="not a web address"):
        fetch_all([RemoteFile("a", "file:///etc/passwd", 1, MD5)], tmp_path, Record())


class TestVersions:
    """Parts of two versions of a file are never glued together."""

    def test_the_version_is_asked_for_and_the_part_used(self, host, tmp_path: Path):
        host.etags["/a.bin"] = '"one"'
        start_part(tmp_path, f"{host.url}/a.bin", CONTENT[:1000], '"one"')
        fetch_one(host, tmp_path, checksum=None)
        assert (tmp_path / "a.bin").read_bytes() == CONTENT
        assert host.requests == [("GET", "bytes=1000-", '"one"')]

    @pytest.mark.parametrize("heeds", [True, False])
    def test_another_version_begins_anew(self, host, tmp_path: Path, heeds: bool):
        host.etags["/a.bin"] = '"two"'
        host.heeds_if_range = heeds
        start_part(tmp_path, f"{host.url}/a.bin", OTHER[:1000], '"one"')
        fetch_one(host, tmp_path, checksum=None)
        assert (tmp_path / "a.bin").read_bytes() == CONTENT

    def test_a_change_between_two_requests_begins_anew(self, host, tmp_path: Path):
        def change() -> None:
            host.files["/a.bin"], host.etags["/a.bin"] = OTHER, '"two"'

        host.etags["/a.bin"], host.cut, host.then = '"one"', [3000], change
        fetch_one(host, tmp_path, checksum=None)
        assert (tmp_path / "a.bin").read_bytes() == OTHER
        assert host.requests == [("GET", None, None), ("GET", "bytes=3000-", '"one"')]

    def test_the_date_stands_in_for_a_weak_tag(self, host, tmp_path: Path):
        date = "Wed, 21 Oct 2015 07:28:00 GMT"
        host.etags["/a.bin"], host.cut = 'W/"one"', [3000]
        host.headers, host.heeds_if_range = {"Last-Modified": date}, False
        fetch_one(host, tmp_path, checksum=None)
        assert host.requests[-1] == ("GET", "bytes=3000-", date)
        assert (tmp_path / "a.bin").read_bytes() == CONTENT

    def test_without_version_and_checksum_it_begins_anew(self, host, tmp_path: Path):
        (tmp_path / "a.bin.part").write_bytes(OTHER[:1000])
        fetch_one(host, tmp_path, checksum=None)
        assert (tmp_path / "a.bin").read_bytes() == CONTENT
        assert host.ranges == [None]

    def test_a_part_from_another_address_is_not_used(self, host, tmp_path: Path):
        start_part(tmp_path, "http://elsewhere/a.bin", OTHER[:1000], '"one"')
        host.etags["/a.bin"] = '"one"'
        fetch_one(host, tmp_path, checksum=None)
        assert (tmp_path / "a.bin").read_bytes() == CONTENT


def zipped(content: bytes):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inner.txt", content)
    return buffer.getvalue()


class TestWithoutChecksum:
    def fetch(self, host, folder: Path, data: bytes):
        host.files["/a.zip"] = data
        record = Record()
        file = RemoteFile("a.zip", f"{host.url}/a.zip", on_s3=True)
        fetch_all([file], folder, record, pause=0)
        return record.files["a.zip"]

    def test_a_zip_is_checked_entry_by_entry(self, host, tmp_path: Path):
        assert self.fetch(host, tmp_path, zipped(b"hello")).checked == "zip CRC-32s"

    def test_a_damaged_entry_is_found(self, host, tmp_path: Path):
        with pytest.raises(SkinError, match=r"a\.zip arrived damaged \(inner\.txt in it"):
            self.fetch(host, tmp_path, zipped(b"hello").replace(b"hello", b"hallo"))
        assert names(tmp_path) == []

    def test_what_is_no_zip_is_thrown_away(self, host, tmp_path: Path):
        with pytest.raises(SkinError, match="no zip archive that can be read"):
            self.fetch(host, tmp_path, b"<html>moved</html>")

    def test_an_empty_file_is_a_file(self, host, tmp_path: Path):
        host.files["/a.bin"] = b""
        fetch_one(host, tmp_path, checksum=None, size=None)
        assert (tmp_path / "a.bin").read_bytes() == b""
