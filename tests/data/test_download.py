"""Against a server on this machine that breaks off, refuses, or lies as told."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from skin.data import download
from skin.data.dataverse import ham10000_files
from skin.data.download import RemoteFile, fetch_all
from skin.errors import SkinError

CONTENT = bytes(range(256)) * 40
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@dataclass
class Host:
    """What a test server holds and does.

    Attributes:
        files: by path.
        ranges: the Range header of each request for a file, in order.
        statuses: to answer with instead, one a request, until used up.
        cut: bytes after which a connection breaks, one a request, until used up.
        understands_ranges: whether it sends parts.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: list[str | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    understands_ranges: bool = True
    url: str = ""


def handler_of(host: Host) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.ranges.append(self.headers.get("Range"))
            if host.statuses:
                self.send_error(host.statuses.pop(0))
                return
            content = host.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(asked[1]) if asked and host.understands_ranges else 0
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = start + host.cut.pop(0) if host.cut else len(content)
            self.wfile.write(content[start:end])

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def host():
    state = Host(files={"/a.bin": CONTENT})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_of(state)) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()


def fetch(host: Host, folder: Path, md5: str = MD5, size: int = len(CONTENT)):
    fetch_all([RemoteFile("a.bin", f"{host.url}/a.bin", size, md5)], folder, pause=0)


def names(folder: Path):
    return sorted(path.name for path in folder.iterdir())


def test_fetches_whole_files(host: Host, tmp_path: Path):
    fetch(host, tmp_path / "new")
    assert (tmp_path / "new" / "a.bin").read_bytes() == CONTENT
    assert names(tmp_path / "new") == ["a.bin"]


def test_a_file_that_is_there_is_not_fetched_again(host: Host, tmp_path: Path):
    (tmp_path / "a.bin").write_bytes(CONTENT)
    fetch(host, tmp_path)
    assert host.ranges == []


def test_a_damaged_file_is_fetched_again(host: Host, tmp_path: Path):
    (tmp_path / "a.bin").write_bytes(CONTENT[::-1])
    fetch(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_goes_on_where_it_was(host: Host, tmp_path: Path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:1000])
    fetch(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert host.ranges == ["bytes=1000-"]


def test_broken_connections_are_resumed(host: Host, tmp_path: Path):
    host.cut = [3000, 0, 2000]
    fetch(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert host.ranges == [None, "bytes=3000-", "bytes=3000-", "bytes=5000-"]


def test_a_server_without_ranges_begins_anew(host: Host, tmp_path: Path):
    host.understands_ranges = False
    (tmp_path / "a.bin.part").write_bytes(b"x" * 1000)
    fetch(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(host: Host, tmp_path: Path):
    host.statuses = [503, 429]
    fetch(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_server_that_keeps_failing_is_given_up_and_the_part_kept(host: Host, tmp_path: Path):
    host.cut = [3000, *[0] * 20]
    with pytest.raises(SkinError, match=r"ended early.*run the same command again"):
        fetch(host, tmp_path)
    assert (tmp_path / "a.bin.part").stat().st_size == 3000
    host.cut = []
    fetch(host, tmp_path)
    assert host.ranges[-1] == "bytes=3000-"


def test_a_refusal_is_final(host: Host, tmp_path: Path):
    host.statuses = [403]
    with pytest.raises(SkinError, match="says 403"):
        fetch(host, tmp_path)
    assert len(host.ranges) == 1


def test_a_wrong_checksum_is_thrown_away(host: Host, tmp_path: Path):
    with pytest.raises(SkinError, match="arrived damaged"):
        fetch(host, tmp_path, md5="0" * 32)
    assert names(tmp_path) == []


def test_a_part_longer_than_the_file_is_thrown_away(host: Host, tmp_path: Path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"more")
    with pytest.raises(SkinError, match="arrived damaged"):
        fetch(host, tmp_path)
    fetch(host, tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_file_shorter_than_announced_is_given_up(host: Host, tmp_path: Path):
    with pytest.raises(SkinError, match="cannot fetch"):
        fetch(host, tmp_path, size=len(CONTENT) + 1)


def test_a_full_disk_is_told_before(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        download.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10_000})
    )
    with pytest.raises(SkinError, match=r"0\.0 GB are needed"):
        fetch(host, tmp_path)
    assert host.ranges == []


def test_only_the_web_is_asked(tmp_path: Path):
    with pytest.raises(SkinError, match="not a web address"):
        fetch_all([RemoteFile("a", "file:///etc/passwd", 1, MD5)], tmp_path)


LISTING = (
    "/api/datasets/:persistentId/versions/:latest-published/files"
    "?persistentId=doi%3A10.7910%2FDVN%2FDBW86T"
)


def listed(number: int, name: str, **extra: object):
    file = {
        "id": number,
        "filename": name,
        "filesize": 100 * number,
        "checksum": {"type": "MD5", "value": f"{number:032x}"},
        **extra,
    }
    return {"label": name, "dataFile": file}


FILES = [
    listed(3, "HAM10000_images_part_1.zip"),
    listed(
        1,
        "HAM10000_metadata.tab",
        originalFileFormat="text/csv",
        originalFileName="HAM10000_metadata.csv",
        originalFileSize=77,
    ),
    listed(4, "HAM10000_images_part_2.zip"),
    listed(5, "HAM10000_segmentations_lesion_tschandl.zip"),
    listed(6, "ISIC2018_Task3_Test_Images.zip"),
]


def answer(files: list[dict[str, object]]):
    return json.dumps({"status": "OK", "data": files}).encode()


def test_dataverse_lists_what_is_needed_with_its_checksums(host: Host):
    host.files[LISTING] = answer(FILES)
    assert ham10000_files(host.url) == [
        RemoteFile(
            "HAM10000_metadata.csv",
            f"{host.url}/api/access/datafile/1?format=original",  # as the checksum is of it
            77,
            f"{1:032x}",
        ),
        RemoteFile(
            "HAM10000_images_part_1.zip", f"{host.url}/api/access/datafile/3", 300, f"{3:032x}"
        ),
        RemoteFile(
            "HAM10000_images_part_2.zip", f"{host.url}/api/access/datafile/4", 400, f"{4:032x}"
        ),
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (answer(FILES[:2]), "there are 2 among"),
        (b"<html>maintenance</html>", "did not answer with a list"),
        (b'{"status": "OK"}', "did not answer with a list"),
        (
            answer([listed(1, "a.zip", checksum={"type": "SHA-1", "value": "0"})]),
            "gives no MD5 for a.zip but SHA-1",
        ),
        (None, "cannot reach"),
    ],
)
def test_dataverse_answers_that_do_not_serve(host: Host, body: bytes | None, message: str):
    if body is not None:
        host.files[LISTING] = body
    with pytest.raises(SkinError, match=message):
        ham10000_files(host.url)
