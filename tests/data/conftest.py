"""Small archives in the layouts of the originals, made anew for each test."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.dataset import Dataset
from skin.data.sources.ham10000 import Ham10000

DX = ("nv", "nv", "mel", "mel", "bkl", "bkl")
HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization"


def encode(seed: int, size: tuple[int, int] = (40, 30), suffix: str = "JPEG") -> bytes:
    """An image file of smooth random texture, (width, height) = `size`."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, suffix)
    return buffer.getvalue()


def metadata(lesions: int = 12) -> str:
    """HAM10000's table: each second lesion has two images, some values are missing."""
    rows = [HEADER]
    image = 0
    for lesion in range(lesions):
        age = "" if lesion == 3 else f"{30 + lesion}.0"
        sex = "unknown" if lesion == 4 else ("male", "female")[lesion % 2]
        for _ in range(1 + lesion % 2):
            rows.append(
                f"HAM_{lesion:07d},ISIC_{image:07d},{DX[lesion % len(DX)]},histo,{age},{sex},back"
            )
            image += 1
    return "\n".join(rows) + "\n"


def kaggle_files(lesions: int = 12) -> dict[str, bytes]:
    """The files of Kaggle's archive by name."""
    table = metadata(lesions)
    files = {"HAM10000_metadata.csv": table.encode()}
    for number, row in enumerate(table.splitlines()[1:]):
        part = 1 + number % 2
        files[f"HAM10000_images_part_{part}/{row.split(',')[1]}.jpg"] = encode(number)
    return files


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_folder(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return path


@pytest.fixture(name="encode")
def encode_fixture() -> Callable[..., bytes]:
    return encode


@pytest.fixture
def files() -> dict[str, bytes]:
    return kaggle_files()


@pytest.fixture
def make_zip(tmp_path: Path) -> Callable[..., Path]:
    """Write files to a zip under the test's folder."""
    return lambda files, name="source.zip": write_zip(tmp_path / name, files)


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write files to a folder under the test's folder."""
    return lambda files, name="source": write_folder(tmp_path / name, files)


@pytest.fixture
def add(tmp_path: Path) -> Callable[..., Dataset]:
    """Add a HAM10000 source to `data/` under the test's folder."""

    def add_source(path: Path, **options: object) -> Dataset:
        settings = {"name": "ham10000", "short_side": 24, **options}
        return add_dataset(Ham10000(Archive(path)), tmp_path / "data", **settings).dataset

    return add_source


@pytest.fixture
def dataset(
    files: dict[str, bytes], make_zip: Callable[..., Path], add: Callable[..., Dataset]
) -> Dataset:
    """A dataset of 12 lesions and 18 images, 3 classes."""
    return add(make_zip(files))
