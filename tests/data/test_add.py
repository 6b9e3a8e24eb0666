from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from skin.data import scan
from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.cache import CacheWriter
from skin.data.dataset import Dataset
from skin.data.images import decode
from skin.data.sources.ham10000 import Ham10000
from skin.errors import SkinError

IMAGE = "HAM10000_images_part_1/ISIC_0000000.jpg"
BAD = "HAM10000_images_part_2/ISIC_0000003.jpg"


def run(path: Path, data_dir: Path, **options: object):
    settings = {"name": "ham10000", "short_side": 24, **options}
    return add_dataset(Ham10000(Archive(path)), data_dir, **settings)


def no_decoding(*_: object):
    raise AssertionError("an image was decoded")


def count_decoding(monkeypatch: pytest.MonkeyPatch):
    """The names of the images that are decoded from now on."""
    real, decoded = scan.open_rgb, []

    def open_rgb(data: bytes, name: str) -> Image.Image:
        decoded.append(name)
        return real(data, name)

    monkeypatch.setattr(scan, "open_rgb", open_rgb)
    return decoded


def interrupt(monkeypatch: pytest.MonkeyPatch, image: str):
    """Have Ctrl-C be pressed when that image is decoded."""
    real = scan.open_rgb

    def open_rgb(data: bytes, name: str) -> Image.Image:
        if image in name:
            raise KeyboardInterrupt
        return real(data, name)

    monkeypatch.setattr(scan, "open_rgb", open_rgb)


def content(folder: Path):
    """All files of a folder, but for locks."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.suffix != ".lock"
    }


def visible(folder: Path):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_table_and_cache_agree_with_the_files(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    added = run(make_zip(files), tmp_path / "data")
    assert added.done == "added"
    cache = added.dataset.open_cache(24)
    assert len(cache) == len(added.dataset) == 18
    for row, image in added.dataset.table.iterrows():
        name = image["path"].removeprefix("source.zip::")
        assert np.array_equal(cache[row], decode(files[name], name, 24))
        assert (image["width"], image["height"]) == (40, 30)
    assert visible(tmp_path / "data") == ["ham10000"]


def test_the_second_time_there_is_nothing_to_do(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    first = run(make_zip(files), tmp_path / "data")
    monkeypatch.setattr(scan, "open_rgb", no_decoding)
    monkeypatch.setattr(Ham10000, "read", no_decoding)
    second = run(tmp_path / "source.zip", tmp_path / "data")
    assert second.done == "nothing to do"
    assert second.dataset.hash == first.dataset.hash


def test_another_short_side_adds_a_cache(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    first = run(make_zip(files), tmp_path / "data")
    second = run(tmp_path / "source.zip", tmp_path / "data", short_side=16)
    assert second.done == "cache added"
    assert second.dataset.short_sides == (16, 24)
    assert second.dataset.hash == first.dataset.hash
    assert second.dataset.open_cache(16)[3].shape[0] == 16


def test_the_same_data_elsewhere_keeps_caches_and_folds(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    make_folder: Callable[..., Path],
    tmp_path: Path,
):
    first = run(make_zip(files), tmp_path / "data").dataset
    (first.root / "folds").mkdir()
    (first.root / "folds" / "mine.csv").touch()
    second = run(make_folder(files), tmp_path / "data", short_side=16)
    assert second.done == "source updated"
    assert second.dataset.hash == first.hash
    assert second.dataset.short_sides == (16, 24)
    assert not second.dataset.table["path"].str.contains("::").any()
    assert (first.root / "folds" / "mine.csv").exists()
    assert run(tmp_path / "source", tmp_path / "data").done == "nothing to do"


def test_other_labels_are_refused_then_overwritten(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    first = run(make_zip(files), tmp_path / "data").dataset
    before = (first.root / "dataset.csv").read_bytes()
    files["HAM10000_metadata.csv"] = files["HAM10000_metadata.csv"].replace(b",mel,", b",nv,", 1)
    changed = make_zip(files, "changed.zip")
    with pytest.raises(SkinError, match="--overwrite"):
        run(changed, tmp_path / "data")
    assert (first.root / "dataset.csv").read_bytes() == before
    monkeypatch.setattr(scan, "open_rgb", no_decoding)  # all pixels are cached
    second = run(changed, tmp_path / "data", overwrite=True)
    assert second.done == "added"
    assert second.dataset.hash != first.hash
    assert np.array_equal(second.dataset.open_cache(24)[5], first.open_cache(24)[5])
    assert visible(tmp_path / "data") == ["ham10000"]


def without_ages(files: dict[str, bytes]) -> dict[str, bytes]:
    lines = files["HAM10000_metadata.csv"].decode().splitlines()
    rows = [line.split(",") for line in lines]
    rows[1:] = [[*row[:4], "", *row[5:]] for row in rows[1:]]
    return {**files, "HAM10000_metadata.csv": "\n".join(map(",".join, rows)).encode()}


def test_metadata_are_not_lost_without_a_word(
    files: dict[str, bytes],
    make_folder: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    whole, bare = make_folder(files, "whole"), make_folder(without_ages(files), "bare")
    first = run(whole, tmp_path / "data").dataset
    told = int(first.table["age"].notna().sum())
    with pytest.raises(SkinError, match=f"bare does not tell age of {told} images, .*--overwrite"):
        run(bare, tmp_path / "data")
    assert Dataset.load(first.root).table.equals(first.table)
    assert visible(tmp_path / "data") == ["ham10000"]
    lost = run(bare, tmp_path / "data", overwrite=True)
    assert lost.done == "source updated"
    assert lost.dataset.table["age"].isna().all()
    assert f"lost: age of {told} images" in capsys.readouterr().err
    assert run(whole, tmp_path / "data").dataset.metadata_hash == first.metadata_hash
    assert f"gained: age of {told} images" in capsys.readouterr().err
    other = {
        **files,
        "HAM10000_metadata.csv": files["HAM10000_metadata.csv"].replace(b"30.0", b"9"),
    }
    run(make_folder(other, "other"), tmp_path / "data")
    assert "changed: age of 1 image\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage",
    [
        lambda root: (root / "dataset.json").unlink(),
        lambda root: (root / "dataset.csv").unlink(),
        lambda root: (root / "dataset.json").write_text('{"odd": 1}'),
        lambda root: (root / "dataset.csv").write_text("image_id\n"),
    ],
    ids=["no info", "no table", "other info", "other table"],
)
def test_a_damaged_dataset_is_mended_as_the_message_says(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path, damage
):
    path = make_zip(files)
    first = run(path, tmp_path / "data").dataset
    damage(first.root)
    with pytest.raises(SkinError, match="again with --overwrite"):
        run(path, tmp_path / "data")
    mended = run(path, tmp_path / "data", overwrite=True)
    assert mended.done == "added"
    assert mended.dataset.hash == first.hash
    assert visible(tmp_path / "data") == ["ham10000"]


def test_where_no_image_is_there_leaving_them_out_is_no_way(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    path = make_zip({name: data for name, data in files.items() if name.endswith("csv")})
    for skip_bad in (False, True):
        with pytest.raises(SkinError, match=r"18 of 18 .*add what is missing$"):
            run(path, tmp_path / "data", skip_bad=skip_bad)


@pytest.mark.parametrize("content", [b"", b"not an image", "truncated"])
def test_bad_images_are_named_or_left_out(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | str,
):
    files[IMAGE] = files[IMAGE][:200] if content == "truncated" else content
    path = make_zip(files)
    with pytest.raises(SkinError, match=r"1 of 18 .*ISIC_0000000\.jpg .*--skip-bad"):
        run(path, tmp_path / "data")
    assert visible(tmp_path / "data") == [".ham10000.partial"]
    added = run(path, tmp_path / "data", skip_bad=True)
    assert visible(tmp_path / "data") == ["ham10000"]
    assert len(added.dataset) == len(added.dataset.open_cache(24)) == 17
    assert [bad.image_id for bad in added.dataset.info.skipped] == ["ISIC_0000000"]
    assert "ISIC_0000000.jpg" in capsys.readouterr().err
    assert run(path, tmp_path / "data", skip_bad=True).done == "nothing to do"
    with pytest.raises(SkinError, match="--skip-bad"):
        run(path, tmp_path / "data")


def test_a_damaged_zip_entry_is_a_bad_image(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    path = make_zip(files)
    data = path.read_bytes()
    middle = data.index(files[IMAGE]) + 300
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :])
    with pytest.raises(SkinError, match=r"ISIC_0000000\.jpg .*CRC"):
        run(path, tmp_path / "data")


def test_nothing_is_left_when_all_images_are_bad(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    bad = {name: data if name.endswith("csv") else b"x" for name, data in files.items()}
    with pytest.raises(SkinError, match="none of the 18"):
        run(make_zip(bad), tmp_path / "data", skip_bad=True)
    assert visible(tmp_path / "data") == []


def test_a_bad_image_among_more_short_sides_leaves_the_dataset(
    files: dict[str, bytes], make_folder: Callable[..., Path], tmp_path: Path
):
    source = make_folder(files)
    run(source, tmp_path / "data")
    status = (source / IMAGE).stat()
    changed = bytearray(files[IMAGE])
    changed[15] ^= 1  # the density in its header: still a good image
    (source / IMAGE).write_bytes(changed)
    os.utime(
        source / IMAGE, ns=(status.st_atime_ns, status.st_mtime_ns)
    )  # so that the fingerprint does not tell
    with pytest.raises(SkinError, match="changed since"):
        run(source, tmp_path / "data", short_side=16)
    assert Dataset.load(tmp_path / "data" / "ham10000").short_sides == (24,)


def test_what_was_read_beside_bad_images_is_not_read_again(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    path = make_zip({**files, BAD: b"not an image"})
    with pytest.raises(SkinError, match=r"--skip-bad, which takes the others from .*\.partial"):
        run(path, tmp_path / "data")
    monkeypatch.setattr(scan, "open_rgb", no_decoding)
    assert len(run(path, tmp_path / "data", skip_bad=True).dataset) == 17


@pytest.mark.parametrize("store", ["pixels", "files"])
def test_what_was_read_before_an_interrupt_is_gone_on_with(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store: str,
):
    real, decoded = scan.open_rgb, []

    def count(data: bytes, name: str) -> Image.Image:
        decoded.append(name)
        return real(data, name)

    files[BAD] = b"not an image"
    path = make_zip(files)
    options = {"store": store, "skip_bad": True}
    monkeypatch.setattr(scan, "_CHUNK", 1)
    interrupt(monkeypatch, "ISIC_0000010")
    with pytest.raises(KeyboardInterrupt):
        run(path, tmp_path / "data", **options)
    assert visible(tmp_path / "data") == [".ham10000.partial"]
    monkeypatch.setattr(scan, "open_rgb", count)
    assert run(path, tmp_path / "data", **options).done == "added"
    assert 5 <= len(decoded) <= 10
    run(path, tmp_path / "whole", **options)
    assert content(tmp_path / "data") == content(tmp_path / "whole")


@pytest.mark.parametrize("change", ["source", "short side", "store"])
def test_what_was_read_of_something_else_is_not(
    files: dict[str, bytes],
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
):
    real = scan.open_rgb
    path = make_folder(files)
    interrupt(monkeypatch, "ISIC_0000010")
    with pytest.raises(KeyboardInterrupt):
        run(path, tmp_path / "data")
    monkeypatch.setattr(scan, "open_rgb", real)
    if change == "source":
        (path / IMAGE).write_bytes(files[BAD])
    options = {"short side": {"short_side": 20}, "store": {"store": "files"}}.get(change, {})
    run(path, tmp_path / "data", **options)
    run(path, tmp_path / "whole", **options)
    assert content(tmp_path / "data") == content(tmp_path / "whole")


KILLED = """
import time
from pathlib import Path
from skin.data import scan
from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.sources.ham10000 import Ham10000

real = scan.open_rgb
def slow(data, name):
    time.sleep(0.05)
    return real(data, name)
scan.open_rgb, scan._CHUNK = slow, 1
source = Ham10000(Archive(Path({source!r})))
add_dataset(source, Path({data!r}), name="ham10000", short_side=24, store={store!r})
"""


@pytest.mark.parametrize("store", ["pixels", "files"])
def test_a_kill_costs_nothing_that_was_read(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store: str,
):
    path, data = make_zip(files), tmp_path / "data"
    code = KILLED.format(source=str(path), data=str(data), store=store)
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    journal = data / ".ham10000.partial" / "cache"
    while not any(file.stat().st_size > 600 for file in journal.glob("*/journal.jsonl")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert visible(data) == [".ham10000.partial"]
    read = sum(file.read_bytes().count(b"\n") for file in journal.glob("*/journal.jsonl"))
    assert 0 < read < 18
    decoded = count_decoding(monkeypatch)
    run(path, data, store=store)
    assert sorted(set(decoded)) == sorted(decoded)
    assert len(decoded) == 18 - read
    run(path, tmp_path / "whole", store=store)
    assert content(data) == content(tmp_path / "whole")


def test_a_disk_that_fills_costs_nothing_that_was_read(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    path, data, real = make_zip(files), tmp_path / "data", CacheWriter.append

    def append(writer: CacheWriter, *image: object) -> None:
        if len(writer) == 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(writer, *image)

    monkeypatch.setattr(CacheWriter, "append", append)
    with pytest.raises(SkinError, match=r"No space left.* read is kept; free some space and run"):
        run(path, data)
    monkeypatch.setattr(CacheWriter, "append", real)
    decoded = count_decoding(monkeypatch)
    run(path, data)
    assert len(decoded) == 8


def test_damaged_pixels_are_not_taken_over(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    path = make_zip(files)
    first = run(path, tmp_path / "data").dataset
    pixels = first.root / "cache" / "24" / "pixels.u8"
    damaged = bytearray(pixels.read_bytes())
    damaged[0] ^= 1
    pixels.write_bytes(damaged)
    files["HAM10000_metadata.csv"] = files["HAM10000_metadata.csv"].replace(b",mel,", b",nv,", 1)
    changed = make_zip(files, "changed.zip")
    decoded = count_decoding(monkeypatch)
    second = run(changed, tmp_path / "data", overwrite=True).dataset
    assert [name.rpartition("/")[2] for name in decoded] == ["ISIC_0000000.jpg"]
    assert np.array_equal(second.open_cache(24)[0], decode(files[IMAGE], IMAGE, 24))
    assert list(second.open_cache(24).damaged_rows()) == []


def test_what_was_left_out_stays_so_at_a_further_short_side(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    path = make_zip({**files, BAD: b"not an image"})
    run(path, tmp_path / "data", skip_bad=True)
    for side, store in ((16, "pixels"), (20, "files")):
        capsys.readouterr()
        further = run(path, tmp_path / "data", short_side=side, store=store)
        assert "ISIC_0000003.jpg" in capsys.readouterr().err
        assert further.done == "cache added"
        assert len(further.dataset.open_cache(side)) == 17
    monkeypatch.setattr(Archive, "read", no_decoding)
    with pytest.raises(SkinError, match=r"1 of 18 images .*ISIC_0000003\.jpg .*--skip-bad"):
        run(path, tmp_path / "data")
    assert visible(tmp_path / "data") == ["ham10000"]


def test_decoding_in_processes_gives_the_same(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    path = make_zip({**files, BAD: b"not an image"})
    run(path, tmp_path / "threads", skip_bad=True)
    monkeypatch.setattr(scan, "_MANY", 0)
    monkeypatch.setattr(scan, "_decode", no_decoding)  # here, that is
    run(path, tmp_path / "data", skip_bad=True)
    assert content(tmp_path / "data") == content(tmp_path / "threads")


def test_files_give_the_pixels_and_the_thumbnails_that_pixels_give(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    path = make_zip(files)
    one = run(path, tmp_path / "data", store="files").dataset
    other = run(path, tmp_path / "pixels", store="pixels").dataset
    assert one.hash == other.hash
    assert one.table.equals(other.table)
    cached, pixels = one.open_cache(24), other.open_cache(24)
    assert all(np.array_equal(a, b) for a, b in zip(cached, pixels, strict=True))
    assert np.array_equal(cached.thumbnails, pixels.thumbnails)
    assert cached.nbytes == sum(len(data) for name, data in files.items() if name.endswith("jpg"))


def test_a_further_short_side_of_files_reads_no_image(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    path = make_zip(files)
    run(path, tmp_path / "data", store="files")
    monkeypatch.setattr(Archive, "read", no_decoding)
    added = run(path, tmp_path / "data", short_side=16)  # files, as the dataset keeps them
    assert added.done == "cache added"
    assert added.dataset.open_cache(16).store == "files"
    assert added.dataset.open_cache(16)[3].shape[0] == 16
    assert run(path, tmp_path / "data", short_side=16).done == "nothing to do"


def test_one_store_is_replaced_by_the_other(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    path = make_zip(files)
    for store, there in (("pixels", ["24"]), ("files", ["24", "files"]), ("pixels", ["24"])):
        dataset = run(path, tmp_path / "data", store=store).dataset
        assert dataset.open_cache(24).store == store
        assert visible(dataset.root / "cache") == there
        assert list(dataset.open_cache(24).damaged_rows()) == []


def test_the_same_files_elsewhere_are_taken_over(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    make_folder: Callable[..., Path],
    tmp_path: Path,
):
    first = run(make_zip(files), tmp_path / "data").dataset
    second = run(make_folder(files), tmp_path / "data", short_side=16, store="files")
    assert second.done == "source updated"
    assert second.dataset.hash == first.hash
    assert second.dataset.open_cache(16).store == "files"
    assert second.dataset.open_cache(24).store == "pixels"


def test_too_small_a_disk_is_told_before_anything_is_decoded(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=20_000))
    monkeypatch.setattr(scan, "open_rgb", no_decoding)
    with pytest.raises(SkinError, match=r"18 images .* only 20 kB are free"):
        run(make_zip(files), tmp_path / "data")


def test_what_a_kill_left_is_cleared(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    path = make_zip(files)
    data = tmp_path / "data"
    for folder in (".24.partial", ".16.partial", "32"):
        (data / ".ham10000.partial" / "cache" / folder).mkdir(parents=True)
    assert run(path, data).dataset.short_sides == (24,)
    assert visible(data / "ham10000" / "cache") == ["24"]
    shutil.move(data / "ham10000", data / ".ham10000.old")  # killed between two renames
    assert run(path, data).done == "nothing to do"
    assert visible(data) == ["ham10000"]


def test_two_at_once_are_refused(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    path = make_zip(files)
    (tmp_path / "data").mkdir()
    with (
        FileLock(tmp_path / "data" / ".ham10000.lock"),
        pytest.raises(SkinError, match="another process"),
    ):
        run(path, tmp_path / "data")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b"])
def test_names_that_are_no_folder_are_refused(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path, name: str
):
    with pytest.raises(SkinError, match="cannot name a dataset"):
        run(make_zip(files), tmp_path / "data", name=name)


def test_a_foreign_folder_is_left_alone(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    (tmp_path / "data" / "ham10000").mkdir(parents=True)
    (tmp_path / "data" / "ham10000" / "thesis.txt").touch()
    for overwrite in (False, True):
        with pytest.raises(SkinError, match="is no dataset"):
            run(make_zip(files), tmp_path / "data", overwrite=overwrite)
