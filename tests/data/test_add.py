from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from skin.data import scan
from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.dataset import Dataset
from skin.data.images import decode
from skin.data.sources.ham10000 import Ham10000
from skin.errors import SkinError

IMAGE = "HAM10000_images_part_1/ISIC_0000000.jpg"


def run(path: Path, data_dir: Path, **options: object):
    settings = {"name": "ham10000", "short_side": 24, **options}
    return add_dataset(Ham10000(Archive(path)), data_dir, **settings)


def no_decoding(*_: object):
    raise AssertionError("an image was decoded")


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
    assert visible(tmp_path / "data") == []
    added = run(path, tmp_path / "data", skip_bad=True)
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


def test_a_failure_leaves_nothing_half_written(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    real = scan.open_rgb

    def fail_late(data: bytes, name: str) -> Image.Image:
        if "0000010" in name:
            raise KeyboardInterrupt
        return real(data, name)

    path = make_zip(files)
    monkeypatch.setattr(scan, "open_rgb", fail_late)
    with pytest.raises(KeyboardInterrupt):
        run(path, tmp_path / "data")
    assert visible(tmp_path / "data") == []
    monkeypatch.setattr(scan, "open_rgb", real)
    assert run(path, tmp_path / "data").done == "added"


def test_what_a_kill_left_is_cleared(
    files: dict[str, bytes], make_zip: Callable[..., Path], tmp_path: Path
):
    path = make_zip(files)
    data = tmp_path / "data"
    (data / ".ham10000.partial" / "cache" / ".24.partial").mkdir(parents=True)
    assert run(path, data).done == "added"
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
    with pytest.raises(SkinError, match="is no dataset"):
        run(make_zip(files), tmp_path / "data")
