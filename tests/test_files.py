"""A file is whole or not there, whatever stops the writing."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skin.errors import SkinError
from skin.files import (
    locked,
    read_json,
    replacing,
    sha256_bytes,
    sha256_file,
    write_json,
    write_text,
)

# SHA-256 of "abc", from FIPS 180-2.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_in_a_new_folder(tmp_path: Path):
    path = tmp_path / "a" / "b" / "file.txt"
    write_text(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    assert path.stat().st_mode & 0o777 == 0o644
    assert names(path.parent) == ["file.txt"]


def test_the_old_file_stands_until_the_block_ends(tmp_path: Path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_another_exception_passes_and_leaves_the_old_file(tmp_path: Path, error: BaseException):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(type(error)), replacing(path) as temporary:  # noqa: PT012 - two steps
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_full_disk_is_a_message_and_keeps_the_old_file(tmp_path: Path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    full = OSError(errno.ENOSPC, "No space left on device")
    message = r"file\.txt: No space left on device; the file that was there before is kept"
    with pytest.raises(SkinError, match=message), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise full
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_full_disk_without_an_old_file_leaves_none(tmp_path: Path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(SkinError) as caught, replacing(tmp_path / "file.txt"):
        raise full
    assert "kept" not in str(caught.value)
    assert names(tmp_path) == []


LIMITED_WRITE = """
import resource, sys
from pathlib import Path
from skin.errors import SkinError
from skin.files import write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_text(Path(sys.argv[1]), "x" * 100_000)
except SkinError as error:
    print(error)
"""


def test_a_write_that_the_system_stops_keeps_the_old_file(tmp_path: Path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    command = [sys.executable, "-c", LIMITED_WRITE, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    assert f"cannot write {path}: File too large" in done.stdout
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_folder_that_cannot_be_made_is_a_message(tmp_path: Path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(SkinError, match="taken"):
        write_text(tmp_path / "taken" / "file.txt", "new")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=10, deadline=None)
@given(value=json_values)
def test_json_round_trip(tmp_path_factory: pytest.TempPathFactory, value: object):
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value
    assert json.loads(path.read_text(encoding="utf-8")) == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "value.json is missing"),
        (b"", "value.json is not valid JSON"),
        (b'{"a": 1', "value.json is not valid JSON"),
        (b'"\xff"', "value.json is not valid JSON"),
    ],
)
def test_json_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str):
    path = tmp_path / "value.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SkinError, match=message):
        read_json(path)


def test_sha256(tmp_path: Path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_bytes(b"abc") == sha256_file(tmp_path / "abc") == ABC


def test_a_locked_folder_is_made_and_held(tmp_path: Path):
    folder = tmp_path / "a" / "b"
    with (
        locked(folder, "trained"),
        pytest.raises(SkinError, match="b is being trained by another process"),
        locked(folder, "trained"),
    ):
        pass
    with locked(folder, "tuned"):
        assert folder.is_dir()


def test_a_folder_that_cannot_be_made_is_not_locked(tmp_path: Path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(SkinError, match="cannot make the folder"),
        locked(tmp_path / "file" / "folder", "trained"),
    ):
        pass
