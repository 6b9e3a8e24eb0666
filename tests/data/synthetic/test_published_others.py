from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from skin.data.archive import Archive
from skin.data.images import is_image_name, open_rgb
from skin.data.sources import Source
from skin.data.sources.derm7pt import Derm7pt
from skin.data.sources.isic2024 import Isic2024
from skin.data.sources.isic_archive import IsicArchive
from skin.data.sources.pad_ufes import PadUfes
from skin.data.synthetic.published import LAYOUTS
from skin.data.synthetic.published.isic2024 import write_hdf5
from skin.data.synthetic.published.png import png
from skin.errors import SkinError

READERS: dict[str, Callable[[Archive], Source]] = {
    "isic2024": Isic2024,
    "pad_ufes": PadUfes,
    "derm7pt": Derm7pt,
    "isic_archive": IsicArchive,
}
LESIONS = 40


def digests(root: Path):
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("layout", READERS)
def test_the_same_arguments_write_the_same_bytes_and_another_seed_others(
    layout: str, tmp_path: Path
):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        LAYOUTS[layout](tmp_path / name, lesions=LESIONS, seed=seed, side=32)
    first = digests(tmp_path / "a")
    assert digests(tmp_path / "b") == first
    assert digests(tmp_path / "c") != first


@pytest.mark.parametrize("layout", READERS)
def test_its_reader_finds_every_image_and_lesion(layout: str, tmp_path: Path):
    LAYOUTS[layout](tmp_path / "published", lesions=LESIONS, side=32)
    archive = Archive(tmp_path / "published")
    table = READERS[layout](archive).read()
    assert table["path"].notna().all()
    assert table["dx"].notna().all()
    assert table["lesion_id"].nunique() >= LESIONS
    image = open_rgb(archive.read(table["path"].iloc[0]), "image")
    assert image.size == (32, 32)


@pytest.mark.parametrize("layout", READERS)
def test_too_few_lesions_and_folders_in_use_are_errors(layout: str, tmp_path: Path):
    with pytest.raises(SkinError, match="too few"):
        LAYOUTS[layout](tmp_path / "few", lesions=5)
    assert not (tmp_path / "few").exists()
    (tmp_path / "file").touch()
    with pytest.raises(SkinError, match="not an empty folder"):
        LAYOUTS[layout](tmp_path)


def test_slice_3d_s_table_has_its_55_columns(tmp_path: Path):
    LAYOUTS["isic2024"](tmp_path / "out", lesions=20, side=32)
    text = (tmp_path / "out" / "train-metadata.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(io.StringIO(text))
    assert len(header) == len(set(header)) == 55
    assert header[:4] == ["isic_id", "target", "patient_id", "age_approx"]
    assert header[-1] == "tbp_lv_dnn_lesion_confidence"
    assert {len(row) for row in rows} == {55}
    test = (tmp_path / "out" / "test-metadata.csv").read_text(encoding="utf-8").splitlines()[0]
    assert len(test.split(",")) == 44


def test_hdf5_files_hold_what_was_given(tmp_path: Path):
    images = {"ISIC_1": b"\xff\xd8 one \0", "ISIC_2": b"two"}
    write_hdf5(tmp_path / "t.hdf5", images)
    with h5py.File(tmp_path / "t.hdf5") as file:
        assert {key: file[key][()].tobytes() for key in file} == images


def test_a_png_has_the_jpeg_s_pixels(encode: Callable[..., bytes]):
    jpeg = encode(1)
    recoded = Image.open(io.BytesIO(png(jpeg)))
    assert recoded.format == "PNG"
    assert np.array_equal(recoded, Image.open(io.BytesIO(jpeg)))


def test_derm7pt_s_clinical_photographs_are_files_of_their_own(tmp_path: Path):
    LAYOUTS["derm7pt"](tmp_path / "out", lesions=30, side=32)
    files = [path for path in (tmp_path / "out").rglob("*") if is_image_name(path)]
    assert len(files) == 2 * 30 + 1
