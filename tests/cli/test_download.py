from __future__ import annotations

import functools
import http.server
import threading
from pathlib import Path

import pytest

from skin.data.sources.terms import TERMS


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path):
    """The address of a host that holds ISIC 2020's training files, and the folder it serves."""
    year = tmp_path / "host" / "2020"
    year.mkdir(parents=True)
    (year / "ISIC_2020_Training_GroundTruth_v2.csv").write_text("image_name\n")
    (year / "ISIC_2020_Training_Duplicates.csv").write_text("image_name_1,image_name_2\n")
    (year / "ISIC_2020_Training_JPEG.zip").write_bytes(b"PK\5\6" + bytes(18))  # an empty zip
    handler = functools.partial(Handler, directory=tmp_path / "host")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as host:
        thread = threading.Thread(target=host.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{host.server_port}"
        host.shutdown()
        thread.join()


def test_a_challenge_is_fetched_and_the_next_command_told(skin, server: str, tmp_path: Path):
    folder = tmp_path / "my downloads"
    words = ("data", "download", "isic2020", folder, "--server", server)
    refused = skin(*words)
    assert refused.code == 2
    assert TERMS["isic2020"].citation in refused.out
    assert "pass --accept-licence" in refused.err
    assert not folder.exists()
    done = skin(*words, "--accept-licence")
    assert done.code == 0
    assert f"next: skin data add isic2020 '{folder}'" in done.out
    assert (folder / "ISIC_2020_Training_JPEG.zip").is_file()
    assert (folder / "LICENCE.txt").is_file()


def test_a_file_that_the_host_lacks_is_one_message(skin, server: str, tmp_path: Path):
    words = ("data", "download", "isic2020", tmp_path / "x", "--server", server)
    result = skin(*words, "--split", "all", "--accept-licence")
    assert result.code == 2
    assert "cannot fetch ISIC_2020_Test_Metadata.csv" in result.err
    assert "404" in result.err
    assert not list((tmp_path / "x").glob("ISIC*"))


def test_each_published_split_has_its_next_command(skin, server: str, tmp_path: Path):
    test = tmp_path / "host" / "2020"
    (test / "ISIC_2020_Test_Metadata.csv").write_text("image\n")
    (test / "ISIC_2020_Test_JPEG.zip").write_bytes(b"PK\5\6" + bytes(18))
    words = ("data", "download", "isic2020", tmp_path / "x", "--server", server)
    result = skin(*words, "--split", "all", "--accept-licence")
    assert f"next: skin data add isic2020 {tmp_path / 'x'} next:" in result.out
    assert result.out.endswith(f"skin data add isic2020 {tmp_path / 'x'} --split test")


def test_a_split_that_is_not_published_is_told(skin, tmp_path: Path):
    result = skin("data", "download", "isic2024", tmp_path, "--split", "test", "--accept-licence")
    assert result.code == 2
    assert "there are: train" in result.err


def test_derm7pt_is_told_how_to_get(skin, tmp_path: Path):
    result = skin("data", "download", "derm7pt", tmp_path / "x")
    assert result.code == 2
    assert "make an account at https://derm.cs.sfu.ca" in result.err
    assert f"skin data add derm7pt {tmp_path / 'x'}" in result.err


def test_the_archive_wants_a_query(skin, tmp_path: Path):
    result = skin("data", "download", "isic-archive", tmp_path / "x", "--accept-licence")
    assert result.code == 2
    assert "--collections" in result.err
