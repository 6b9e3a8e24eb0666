from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from skin.data.archive import Archive
from skin.data.sources.ham10000 import Ham10000
from skin.errors import SkinError

METADATA = "HAM10000_metadata.csv"

Change = Callable[[dict[str, bytes]], dict[str, bytes]]


def read(path: Path):
    table = Ham10000(Archive(path)).read()
    return table.sort_values("image_id", ignore_index=True)


def zipped(files: dict[str, bytes]):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def images_of(files: dict[str, bytes], part: int):
    return {name: data for name, data in files.items() if f"part_{part}" in name}


def kaggle(files: dict[str, bytes]):
    lower = {name.lower().replace("isic", "ISIC"): d for name, d in files.items() if "part" in name}
    return {**lower, **files, "hmnist_28_28_L.csv": b"pixel0000\n1\n"}


def parts_as_zips(files: dict[str, bytes]):
    return {
        METADATA: files[METADATA],
        "HAM10000_images_part_1.zip": zipped(images_of(files, 1)),
        "HAM10000_images_part_2.zip": zipped(images_of(files, 2)),
    }


def dataverse(files: dict[str, bytes], metadata: str = "HAM10000_metadata.tab"):
    """Images lie at the zips' roots; tables are tab-separated, text quoted, one column more."""
    lines = files[METADATA].decode().splitlines()
    quoted = [
        "\t".join(value if value.endswith(".0") else f'"{value}"' for value in line.split(","))
        + ('\t"dataset"' if number == 0 else '\t"vidir_modern"')
        for number, line in enumerate(lines)
    ]
    flat = [{n.split("/")[1]: d for n, d in images_of(files, part).items()} for part in (1, 2)]
    image = next(iter(flat[0]))
    return {
        metadata: "\n".join(quoted).encode(),
        "HAM10000_images_part_1.zip": zipped(flat[0]),
        "HAM10000_images_part_2.zip": zipped(flat[1]),
        "HAM10000_segmentations_lesion_tschandl.zip": zipped({f"seg/{image}": b"mask"}),
        "ISIC2018_Task3_Test_Images.zip": zipped({f"ISIC2018/{image}": b"test"}),
    }


@pytest.fixture
def expected(files: dict[str, bytes], make_zip: Callable[..., Path]):
    return read(make_zip(files, "expected.zip")).drop(columns="path")


@pytest.mark.parametrize(
    "layout",
    [
        kaggle,
        parts_as_zips,
        dataverse,
        lambda files: dataverse(files, "HAM10000_metadata"),
        lambda files: {"all.zip": zipped(files)},
        lambda files: {f"deeper/{name}": data for name, data in files.items()},
    ],
    ids=["kaggle", "zips", "dataverse .tab", "dataverse bare", "zip in folder", "deeper"],
)
def test_all_layouts_read_alike(
    files: dict[str, bytes],
    make_folder: Callable[..., Path],
    expected: pd.DataFrame,
    layout: Change,
):
    table = read(make_folder(layout(files)))
    assert_frame_equal(table.drop(columns="path"), expected)


def test_kaggle_zip_prefers_the_upper_case_folders(
    files: dict[str, bytes], make_zip: Callable[..., Path]
):
    table = read(make_zip(kaggle(files)))
    assert table["path"].str.startswith("source.zip::HAM10000_images_part_").all()


def test_values(files: dict[str, bytes], make_zip: Callable[..., Path]):
    table = read(make_zip(files))
    assert len(table) == 18
    assert table["lesion_id"].nunique() == 12
    assert table["age"].isna().sum() == 2
    assert table["sex"].isna().sum() == 1
    assert set(table["site"]) == {"back"}
    assert set(table["split"]) == {"train"}


def test_images_without_a_row_are_left_out_and_counted(
    files: dict[str, bytes],
    make_zip: Callable[..., Path],
    encode: Callable[..., bytes],
    capsys: pytest.CaptureFixture[str],
):
    files["HAM10000_images_part_2/ISIC_9999999.jpg"] = encode(99)
    assert len(read(make_zip(files))) == 18
    assert "1 image has no row" in capsys.readouterr().err


def test_other_challenges_images_are_left_alone(
    files: dict[str, bytes], make_folder: Callable[..., Path], expected: pd.DataFrame
):
    others = {
        "ISIC-2017_Training_Data/ISIC_0000000.jpg": b"2017",
        "ISIC_2019_Training_Input/ISIC_0000001.jpg": b"2019",
        "ISIC_2019_Training_Input/ISIC_0099999.jpg": b"1",
        "elsewhere/ISIC_0099999.jpg": b"22",
    }
    table = read(make_folder({**files, **others}))
    assert_frame_equal(table.drop(columns="path"), expected)


def test_an_image_without_a_lesion_is_counted(
    files: dict[str, bytes], make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    files[METADATA] = files[METADATA].replace(b"HAM_0000000,", b",", 1)
    assert read(make_folder(files))["lesion_id"].nunique() == 12
    assert "1 of 18 images have no lesion_id" in capsys.readouterr().err


def without(*names: str):
    return lambda files: {n: d for n, d in files.items() if not n.startswith(names)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without(METADATA), "no HAM10000_metadata"),
        (lambda files: {"inner.zip": zipped(files)}, "unpack it first, it holds inner.zip"),
        (lambda files: {**files, "old/HAM10000_metadata": b"other"}, "tables that differ"),
        (
            lambda files: {**files, "copy/ISIC_0000000.jpg": b"other"},
            "files for ISIC_0000000 that differ",
        ),
        (lambda files: {**files, METADATA: b"image_id,dx\na,nv\n"}, "lacks the columns lesion_id"),
        (lambda files: {**files, METADATA: b""}, "is empty"),
    ],
)
def test_errors(
    files: dict[str, bytes], make_zip: Callable[..., Path], change: Change, message: str
):
    with pytest.raises(SkinError, match=message):
        read(make_zip(change(files)))
