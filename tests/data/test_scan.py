from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import psutil
import pytest
from PIL import Image

from skin.data import scan as scanning
from skin.data.archive import Archive
from skin.data.images import BadImageError, decode, open_rgb
from skin.data.scan import Facts, Scanned, Wanted, scan
from skin.data.thumbnails import thumbnail
from skin.files import sha256_bytes


@pytest.fixture
def files(encode: Callable[..., bytes]):
    return {f"{number:02d}.jpg": encode(number, (40, 30 + number)) for number in range(12)}


@pytest.fixture
def archive(files: dict[str, bytes], make_folder: Callable[..., Path]):
    return Archive(make_folder({**files, "bad.jpg": b"x"}))


@pytest.mark.parametrize("chunk", [1, 5, 100])
@pytest.mark.parametrize("store", ["pixels", "files"])
def test_images_come_in_order_with_their_facts(
    archive: Archive,
    files: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
    store: str,
):
    monkeypatch.setattr(scanning, "_CHUNK", chunk)
    refs = sorted(files, reverse=True)
    for ref, image in zip(refs, scan(archive, refs, Wanted(20, store)), strict=True):
        data = files[ref]
        whole, pixels = open_rgb(data, ref), decode(data, ref, 20)
        assert image.facts == Facts(*whole.size, sha256_bytes(data), str(imagehash.phash(whole)))
        assert np.array_equal(image.thumbnail, thumbnail(pixels))
        if store == "files":
            assert image.data == data
            assert image.size == whole.size[::-1]
        else:
            assert np.array_equal(image.data, pixels)
            assert image.size == pixels.shape[:2]


def test_what_cannot_be_used_says_why_in_its_place(archive: Archive):
    refs = ["00.jpg", "bad.jpg", "absent.jpg", "01.jpg"]
    good, bad, absent, other = scan(archive, refs, Wanted(20, "pixels"))
    assert isinstance(good, Scanned)
    assert isinstance(other, Scanned)
    assert isinstance(bad, BadImageError)
    assert "no image format" in bad.reason
    assert isinstance(absent, BadImageError)
    assert "has no file absent.jpg" in absent.reason


def test_what_is_known_is_not_decoded(
    archive: Archive, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
):
    decoded = []
    real = scanning.open_rgb

    def count(data: bytes, name: str) -> Image.Image:
        decoded.append(name)
        return real(data, name)

    monkeypatch.setattr(scanning, "open_rgb", count)
    facts = Facts(1, 1, sha256_bytes(files["03.jpg"]), "0")
    known = {facts.sha256: Scanned(facts, b"known", np.zeros((48, 48), np.uint8))}
    images = list(scan(archive, sorted(files), Wanted(20, "pixels"), known.get))
    assert images[3].data == b"known"
    assert sorted(decoded) == sorted(set(files) - {"03.jpg"})


def test_few_decoded_images_wait(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scanning, "_CHUNK", 2)
    monkeypatch.setattr(scanning, "available_cpus", lambda: 1)
    read = []
    real = Archive.read

    def count(self: Archive, ref: str) -> bytes:
        read.append(ref)
        return real(self, ref)

    monkeypatch.setattr(Archive, "read", count)
    for taken, _ in enumerate(scan(archive, ["00.jpg"] * 40, Wanted(20, "pixels"))):
        assert len(read) <= taken + 4 * 2


def test_a_large_short_side_is_read_in_small_chunks(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
):
    chunks = []
    monkeypatch.setattr(scanning, "_read_all", lambda _, refs, *__: chunks.append(len(refs)) or [])
    for side in (16, 256, 512, 4096):
        list(scan(archive, ["00.jpg"] * 60, Wanted(side, "pixels")))
        assert max(chunks) == {16: 32, 256: 30, 512: 7, 4096: 1}[side]
        assert sum(chunks) == 60
        chunks.clear()


def test_large_files_are_read_in_small_chunks(
    archive: Archive, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
):
    chunks = []
    monkeypatch.setattr(scanning, "_read_all", lambda _, refs, *__: chunks.append(refs) or [])
    monkeypatch.setattr(scanning, "available_cpus", lambda: 1)
    most = 3 * max(map(len, files.values()))
    monkeypatch.setattr(scanning, "_CHUNK_BYTES", most)
    refs = sorted(files)
    list(scan(archive, [*refs, "absent.jpg"], Wanted(16, "pixels")))
    assert sorted(sum(chunks, [])) == [*refs, "absent.jpg"]  # noqa: RUF017 - a few short lists
    sizes = [sum(len(files.get(ref, b"")) for ref in chunk) for chunk in chunks]
    assert len(chunks) > 1
    assert max(sizes) <= most
    chunks.clear()
    monkeypatch.setattr(scanning, "_CHUNK_BYTES", 1)  # less than any file
    list(scan(archive, refs, Wanted(16, "pixels")))
    assert sorted(chunks) == [[ref] for ref in refs]


KILLED = """
from pathlib import Path
from skin.data import scan
from skin.data.archive import Archive

if __name__ == "__main__":
    scan._MANY = 0
    archive = Archive(Path({folder!r}))
    images = scan.scan(archive, ["00.jpg"] * 20_000, scan.Wanted(20, "pixels"))
    next(images)
    print("begun", flush=True)
    for _ in images:
        pass
"""


@pytest.fixture
def decoding(archive: Archive, tmp_path: Path):
    """A process that has others decode for it, and those."""
    script = tmp_path / "killed.py"
    script.write_text(KILLED.format(folder=str(archive.root)))
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"begun\n"
        yield process, psutil.Process(process.pid).children()
        process.kill()


def test_decoding_processes_end_with_a_killed_parent(decoding):
    process, children = decoding
    assert len(children) >= 1
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_a_killed_decoding_process_is_one_message(decoding):
    process, children = decoding
    workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    workers[0].kill()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"SkinError: a process that decodes images was killed" in errors
