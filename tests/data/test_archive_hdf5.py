from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from skin.data.archive import Archive, is_container
from skin.errors import SkinError

IMAGE = b"\xff\xd8 an image \x00\xff\xd9"


def write(path: Path, datasets: Mapping[str, object]) -> Path:
    with h5py.File(path, "w") as file:
        for key, value in datasets.items():
            file[key] = value
    return path


def vector(data: bytes):
    return np.frombuffer(data, np.uint8)


def test_each_key_is_an_image_file(tmp_path: Path):
    path = write(tmp_path / "train-image.hdf5", {"ISIC_1": np.void(b"1"), "b.PNG": np.void(b"2")})
    archive = Archive(path)
    refs = ["train-image.hdf5::ISIC_1.jpg", "train-image.hdf5::b.PNG"]
    assert [entry.ref for entry in archive.entries] == refs
    assert [archive.read(ref) for ref in refs] == [b"1", b"2"]
    assert {entry.stamp for entry in archive.entries} == {path.stat().st_mtime_ns}
    assert {entry.size for entry in archive.entries} == {0}
    with pytest.raises(SkinError, match="no file"):
        archive.read("train-image.hdf5::ISIC_1")


@pytest.mark.parametrize("suffix", ["hdf5", "h5", "HDF5"])
def test_a_folder_may_hold_it_beside_files_and_zips(
    make_folder: Callable[..., Path], make_zip: Callable[..., Path], suffix: str
):
    folder = make_folder({"a.txt": b"A", "deep/b.txt": b"B"})
    write(folder / f"deep/t.{suffix}", {"x": np.void(b"X")})
    make_zip({"c.txt": b"C"}).rename(folder / "z.zip")
    archive = Archive(folder)
    assert {entry.ref: archive.read(entry.ref) for entry in archive.entries} == {
        "a.txt": b"A",
        "deep/b.txt": b"B",
        f"deep/t.{suffix}::x.jpg": b"X",
        "z.zip::c.txt": b"C",
    }


@pytest.mark.parametrize(
    "value",
    [
        np.void(IMAGE),
        np.bytes_(IMAGE),
        vector(IMAGE),
        IMAGE.replace(b"\0", b" "),  # a string of variable length ends at its first NUL
    ],
    ids=["opaque", "fixed", "vector", "variable"],
)
def test_every_form_of_bytes_is_read_whole(tmp_path: Path, value: object):
    expected = value if isinstance(value, bytes) and not isinstance(value, np.bytes_) else IMAGE
    archive = Archive(write(tmp_path / "t.h5", {"a": value}))
    assert archive.read("t.h5::a.jpg") == expected


def test_packed_vectors_and_vectors_of_variable_length_are_read(tmp_path: Path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("packed", data=vector(IMAGE * 100), compression="gzip")
        several = file.create_dataset("several", (), dtype=h5py.vlen_dtype(np.uint8))
        several[()] = vector(IMAGE)
    archive = Archive(tmp_path / "t.h5")
    assert archive.read("t.h5::packed.jpg") == IMAGE * 100
    assert archive.read("t.h5::several.jpg") == IMAGE


def test_padding_of_a_fixed_string_is_no_part_of_it(tmp_path: Path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("a", data=b"short", dtype="S20")
        file.create_dataset("b", data=np.void(b"nul\0"))
    archive = Archive(tmp_path / "t.h5")
    assert archive.read("t.h5::a.jpg") == b"short"
    assert archive.read("t.h5::b.jpg") == b"nul\0"


def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path):
    path = write(tmp_path / "t.hdf5", {str(i): np.void(bytes(1000)) for i in range(50)})
    whole = path.read_bytes()
    for data in (b"", b"no HDF5", whole[:1000], whole[: len(whole) // 2]):
        path.write_bytes(data)
        with pytest.raises(SkinError, match=r"t\.hdf5 is not an HDF5 file that can be read"):
            Archive(tmp_path)


@pytest.mark.parametrize(
    "datasets",
    [
        {},
        {"pixels": np.zeros((2, 3, 3), np.uint8)},
        {"numbers": np.zeros(5)},
        {"group/kernel": np.zeros(5)},
        {"number": 3.0},
    ],
    ids=["empty", "pixels", "numbers", "group", "scalar"],
)
def test_a_file_that_holds_something_else_is_an_error_that_names_it(
    tmp_path: Path, datasets: Mapping[str, object]
):
    write(tmp_path / "model.h5", datasets)
    with pytest.raises(SkinError, match=r"model\.h5 is an HDF5 file without encoded images"):
        Archive(tmp_path)


def test_what_is_no_image_among_images_cannot_be_read(tmp_path: Path):
    path = write(tmp_path / "t.h5", {"a": np.void(b"A"), "b": np.zeros((2, 2)), "c/d": 1})
    archive = Archive(path)
    for name in "bc":
        with pytest.raises(SkinError, match=rf"cannot read t\.h5::{name}\.jpg"):
            archive.read(f"t.h5::{name}.jpg")


def test_links_to_elsewhere_are_refused(tmp_path: Path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["a"] = np.void(b"A")
        file["b"] = h5py.ExternalLink("/etc/other.h5", "b")
    with pytest.raises(SkinError, match="has links to elsewhere: b"):
        Archive(tmp_path / "t.h5")


def test_a_key_with_and_without_suffix_is_refused(tmp_path: Path):
    path = write(tmp_path / "t.h5", {"a": np.void(b"A"), "a.jpg": np.void(b"B")})
    with pytest.raises(SkinError, match=r"with and without suffix: t\.h5::a\.jpg"):
        Archive(path)


def test_a_dataset_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("skin.data.archive.archive.LARGEST", 1000)
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("bomb", data=np.zeros(1001, np.uint8), compression="gzip")
    with pytest.raises(SkinError, match="1,001 bytes, more than 1,000"):
        Archive(tmp_path / "t.h5").read("t.h5::bomb.jpg")


def test_threads_forked_processes_and_pickles_read(tmp_path: Path):
    content = {f"{number:03d}": bytes([number]) * 3000 for number in range(60)}
    path = write(tmp_path / "t.h5", {key: np.void(data) for key, data in content.items()})
    archive = Archive(path)
    refs = [f"t.h5::{key}.jpg" for key in content] * 4
    expected = list(content.values()) * 4
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(archive.read, refs)) == expected
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(archive.read, refs, chunksize=1) == expected
    copy = pickle.loads(pickle.dumps(archive))  # noqa: S301
    assert [copy.read(ref) for ref in refs] == expected


def test_fingerprint_changes_with_the_file(tmp_path: Path):
    path = write(tmp_path / "t.h5", {"a": np.void(b"A")})
    first = Archive(path).fingerprint()
    assert Archive(path).fingerprint() == first
    path.touch()
    assert Archive(path).fingerprint() != first


def test_h5py_is_imported_only_where_it_is_needed(make_folder: Callable[..., Path]):
    folder = make_folder({"a.txt": b"A"})
    code = (
        "import sys; from pathlib import Path; from skin.data.archive import Archive; "
        "Archive(Path(sys.argv[1])); sys.exit('h5py' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)], check=False).returncode == 0


def test_containers_are_told_by_their_suffix():
    assert all(map(is_container, ["a.zip", Path("b/c.HDF5"), "d.h5"]))
    assert not is_container("a.jpg")
