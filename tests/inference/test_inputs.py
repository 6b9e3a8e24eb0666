from __future__ import annotations

import os
import pickle
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from skin.errors import SkinError
from skin.inference.inputs import InputImage, InputImages, find_images


def ids(*sources: Path) -> list[str]:
    return [image.image_id for image in find_images(sources)]


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"inner/{file.name}")
    return path


def test_a_folder(photos: Path):
    (photos / "LICENSE.txt").write_text("not an image")
    (photos / ".hidden.png").write_bytes(b"")
    (photos / "below").mkdir()
    shutil.copy(photos / "I0.png", photos / "below" / "A.JPG")
    assert ids(photos) == ["A", "I0", "I1", "I2"]


def test_every_source_gives_the_same_bytes(photos: Path, tmp_path: Path):
    archive = zipped(photos, tmp_path / "photos.zip")
    table = tmp_path / "photos" / "list.csv"
    table.write_text("image\nI0\nI1\nI2\n")
    expected = [(photos / f"I{i}.png").read_bytes() for i in range(3)]
    files = [photos / f"I{i}.png" for i in (2, 0, 1)]
    for sources in ([photos], [archive], [table], files):
        images = find_images(sources)
        assert [image.image_id for image in images] == ["I0", "I1", "I2"]
        assert [image.read() for image in images] == expected


def test_sources_add_up(photos: Path, tmp_path: Path, encode: Callable[..., bytes]):
    (tmp_path / "Z.png").write_bytes(encode(9))
    assert ids(tmp_path / "Z.png", photos) == ["I0", "I1", "I2", "Z"]


@pytest.mark.parametrize(
    "text",
    [
        "image\nI2\nI0\n",
        "\ufeffimage\nI2\nI0\n",
        "dx,image_id\nmel,I2\nnv,I0\n",
        "path\nphotos/I2.png\nI0.png\n",
        "filename\nI2.png\n\nI2.png\nI0.png\n",
    ],
    ids=["image", "bom", "second column", "paths", "twice"],
)
def test_a_csv_names_images_under_its_folder(photos: Path, text: str):
    (photos.parent / "list.csv").write_text(text, encoding="utf-8")
    assert ids(photos.parent / "list.csv") == ["I0", "I2"]


def test_a_path_of_a_csv_is_that_file_and_no_other(photos: Path, encode: Callable[..., bytes]):
    """Two folders hold an I0: the table names one of them."""
    other = photos.parent / "zzz"
    other.mkdir()
    (other / "I0.png").write_bytes(encode(99))
    table = photos.parent / "list.csv"
    table.write_text("path\nphotos/I0.png\n")
    (image,) = find_images([table])
    assert image.read() == (photos / "I0.png").read_bytes()


def test_an_id_of_a_csv_that_two_files_have_is_refused(photos: Path):
    other = photos.parent / "zzz"
    other.mkdir()
    shutil.copy(photos / "I1.png", other / "I0.png")
    (photos.parent / "list.csv").write_text("image\nI0\n")
    with pytest.raises(SkinError, match="I0"):
        find_images([photos.parent / "list.csv"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image\nI0\nI8\nI9\n", r"names images that are not under .*: I8, I9$"),
        ("who\nI0\n", r"has no column of images \(image, image_id, .*it has who$"),
        ("image\n", "names no image in its column .image."),
        ("", "is not a CSV that can be read"),
        ('image\n"I0\n', "is not a CSV that can be read"),
    ],
)
def test_a_csv_that_is_wrong(photos: Path, text: str, message: str):
    (photos / "list.csv").write_text(text)
    with pytest.raises(SkinError, match=message):
        find_images([photos / "list.csv"])


def test_a_csv_that_is_no_text(photos: Path):
    (photos / "list.csv").write_bytes(b"image\n\xff\n")
    with pytest.raises(SkinError, match="is not a CSV that can be read"):
        find_images([photos / "list.csv"])


def test_sources_that_are_missing_or_empty(tmp_path: Path):
    with pytest.raises(SkinError, match=r"no image, folder, zip or CSV at .*nowhere"):
        find_images([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SkinError, match="empty holds no image"):
        find_images([tmp_path / "empty"])
    (tmp_path / "no.zip").write_text("text")
    with pytest.raises(SkinError, match=r"no\.zip is not a zip archive"):
        find_images([tmp_path / "no.zip"])


def test_two_images_of_one_id_are_named(photos: Path, tmp_path: Path):
    archive = zipped(photos, tmp_path / "photos.zip")
    with pytest.raises(
        SkinError, match=r"have the id 'I0': I0\.png and photos\.zip::inner/I0\.png"
    ):
        find_images([photos, archive])


def test_a_file_that_vanished_is_named(photos: Path):
    (image,) = find_images([photos / "I0.png"])
    (photos / "I0.png").unlink()
    with pytest.raises(SkinError, match=r"cannot read .*I0\.png: No such file"):
        image.read()


def test_a_file_that_is_no_image_by_its_size_is_not_read(photos: Path):
    (image,) = find_images([photos / "I0.png"])
    with pytest.raises(SkinError, match=r"I0\.png has 2,000,000,000 bytes, more than"):
        replace(image, size=2_000_000_000).read()


def test_size_and_stamp_tell_a_changed_file(photos: Path, tmp_path: Path):
    for source in (photos / "I0.png", photos):
        before = find_images([source])[0]
        assert before.size == (photos / "I0.png").stat().st_size
        os.utime(photos / "I0.png", ns=(1, before.stamp + 1))
        assert find_images([source])[0].stamp == before.stamp + 1
    archive = zipped(photos, tmp_path / "photos.zip")
    crc = zlib.crc32((photos / "I0.png").read_bytes())
    assert find_images([archive])[0].stamp == crc


def test_images_are_a_sequence_that_other_processes_can_have(photos: Path, tmp_path: Path):
    archive = zipped(photos, tmp_path / "photos.zip")
    (tmp_path / "Z.png").write_bytes(b"z")
    for source in (photos, archive):
        images = find_images([tmp_path / "Z.png", source])
        assert len(images) == 4
        assert images[-1] == list(images)[3]
        assert [image.image_id for image in images[1:3]] == ["I1", "I2"]
        copied = pickle.loads(pickle.dumps(images))  # noqa: S301 - made here
        assert [image.read() for image in copied] == [image.read() for image in images]


def test_many_images_take_little_memory():
    images = InputImages(
        [
            InputImage(f"ISIC_{i:07d}", f"part/ISIC_{i:07d}.jpg", Path("x"), 10_000 + i, 10**18 + i)
            for i in range(1000)
        ]
    )
    assert len(pickle.dumps(images)) < 100 * len(images)
