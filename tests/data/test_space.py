from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from skin.data.archive import Archive
from skin.data.scan import Wanted
from skin.data.space import estimate, require_space
from skin.errors import SkinError

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's
EACH = 48 * 48 + 60 + 400  # thumbnail, index, table


@pytest.fixture
def archive(make_folder: Callable[..., Path], encode: Callable[..., bytes]):
    files = {f"{number:03d}.png": encode(number, (40, 30), "PNG") for number in range(3)}
    return Archive(make_folder({**files, "bad.png": b"x"}))


def refs(archive: Archive, times: int = 1):
    return [entry.ref for entry in archive.entries if entry.ref != "bad.png"] * times


def free(monkeypatch: pytest.MonkeyPatch, count: int):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, count))


def test_pixels_and_files_are_told_from_headers(archive: Archive):
    need = estimate(archive, refs(archive, 400), 15)
    sizes = [len(archive.read(ref)) for ref in refs(archive)]
    assert need.pixels == 1200 * (20 * 15 * 3 + EACH)
    assert need.files == pytest.approx(1200 * (sum(sizes) / 3 + EACH), rel=0.01)


def test_images_that_cannot_be_read_do_not_count(archive: Archive):
    good = refs(archive)[:1]
    assert estimate(archive, ["bad.png", *good], 15).pixels == 2 * (20 * 15 * 3 + EACH)
    assert estimate(archive, ["bad.png"], 15).pixels == EACH


def test_it_is_said_before_it_is_done(
    archive: Archive,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    free(monkeypatch, 2_000_000_000)
    require_space(archive, refs(archive, 10), Wanted(15, "pixels"), tmp_path, 40)
    said = capsys.readouterr().err
    assert "30 of 40 images as pixels at short side 15 take about 110 kB of disk; 2 GB" in said


def test_what_does_not_fit_is_refused_with_what_to_do(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    free(monkeypatch, 100_000)
    images = refs(archive, 10)
    with pytest.raises(
        SkinError,
        match=r"about 110 kB .* only 100 kB are free .*--short-side.*--store files \(.* kB",
    ):
        require_space(archive, images, Wanted(15, "pixels"), tmp_path, 30)
    with pytest.raises(SkinError, match=r"as files .*; free some, or another --data-dir"):
        require_space(archive, images * 10, Wanted(15, "files"), tmp_path, 300)
    require_space(archive, [], Wanted(15, "pixels"), tmp_path, 30)
