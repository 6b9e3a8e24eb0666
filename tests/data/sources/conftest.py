"""Published layouts as a mapping of file names to bytes, so that a test can change one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from skin.data.synthetic.published import LAYOUTS

Files = dict[str, bytes]


def unpack(folder: Path) -> Files:
    """All files below a folder as if each zip had been unpacked where it lies."""
    files: Files = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                files.update({name: archive.read(name) for name in archive.namelist()})
        elif path.is_file():
            files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the folder of a layout, drawn once; not to be written into."""
    folders: dict[str, Path] = {}

    def folder(layout: str) -> Path:
        if layout not in folders:
            folders[layout] = tmp_path_factory.mktemp("published") / layout
            LAYOUTS[layout](folders[layout], side=32)
        return folders[layout]

    return folder


@pytest.fixture(name="zipped")
def zipped_fixture() -> Callable[[Mapping[str, bytes]], bytes]:
    return zipped


@pytest.fixture
def unpacked(published: Callable[[str], Path]) -> Callable[[str], Files]:
    """Give a layout's files, zips unpacked, by their names."""
    return lambda layout: unpack(published(layout))
