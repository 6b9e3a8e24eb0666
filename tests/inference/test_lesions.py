from __future__ import annotations

from pathlib import Path

import pytest

from skin.errors import SkinError
from skin.inference.inputs import InputImage
from skin.inference.lesions import lesions_of

INPUTS = [InputImage(name, f"{name}.jpg") for name in "ABCDEF"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "lesions.csv"


@pytest.mark.parametrize("column", ["image", "image_id", "isic_id", "path", "filename"])
def test_images_of_one_lesion_have_its_number(
    table: Path, column: str, capsys: pytest.CaptureFixture[str]
):
    rows = ["B,l1", "D,l2", "E,l1", "A.jpg,l2", "sub/B2.jpg,l1", "F,l3", "C,"]
    table.write_text("\n".join([f"{column},lesion_id", *rows]))
    a, b, c, d, e, f = lesions_of(INPUTS, table).tolist()
    assert {(a, d), (b, e)} == {(0, 0), (1, 1)}
    assert (c, f) == (-1, -1), "no lesion, and the only image of one"
    said = " ".join(capsys.readouterr().err.split())
    assert "4 of 6 images show one of 2 lesions together with others" in said


def test_images_without_a_row_are_alone(table: Path):
    table.write_text("image,lesion_id\nA,l\nB,l\n")
    assert lesions_of(INPUTS, table).tolist() == [0, 0, -1, -1, -1, -1]


def test_all_may_be_alone(table: Path):
    table.write_text("image,lesion_id\nA,l\nB,m\n")
    assert lesions_of(INPUTS, table).tolist() == [-1] * 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,lesion_id\nX,l\nY,l\n", r"lesions\.csv names none of the 6 images, as A$"),
        ("image,lesion\nA,l\n", r"needs a column 'lesion_id' and one of images .*image, lesion$"),
        ("lesion_id,dx\nl,mel\n", r"one of images \(image, image_id, .*it has lesion_id, dx$"),
        ("image,lesion_id\nA,l\nA.jpg,m\n", r"image A stands in rows 2, 3"),
        ("image,lesion_id\n,l\n", r"row 2: the image id is empty"),
        ("image,lesion_id\n", r"has a header but no row"),
        ("", r"is empty"),
    ],
)
def test_a_table_that_is_wrong(table: Path, text: str, message: str):
    table.write_text(text)
    with pytest.raises(SkinError, match=message):
        lesions_of(INPUTS, table)


def test_a_table_that_is_not_there(table: Path):
    with pytest.raises(SkinError, match=r"cannot read .*lesions\.csv: No such file"):
        lesions_of(INPUTS, table)


def test_images_may_be_named_as_isic_2019_names_them(table: Path):
    names = ["ISIC_0000001_downsampled", "ISIC_0000002"]
    table.write_text("image,lesion_id\nISIC_0000001_downsampled,l\nISIC_0000002,l\n")
    images = [InputImage(name, f"{name}.jpg") for name in names]
    assert lesions_of(images, table).tolist() == [0, 0]
