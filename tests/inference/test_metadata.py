from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.data.encode import METADATA_COLUMNS, METADATA_SIZE
from skin.errors import SkinError
from skin.inference.inputs import InputImage
from skin.inference.metadata import metadata_for, read_metadata

INPUTS = [InputImage(name, f"{name}.jpg") for name in ("A", "B", "C")]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "patients.csv"


def said(values: np.ndarray) -> list[dict[str, float]]:
    """What is not zero in each row, by the column's name."""
    return [
        {name: value for name, value in zip(METADATA_COLUMNS, row, strict=True) if value}
        for row in values.tolist()
    ]


@pytest.mark.parametrize(
    "header",
    [
        "image_id,age,sex,site",
        "image,age_approx,sex,localization",
        "isic_id,age_approximate,sex,anatom_site_general",
        "image_name,age,sex,anatom_site_general_challenge",
    ],
)
def test_the_names_that_others_give_the_columns(table: Path, header: str):
    table.write_text(f"{header}\nB,50,Male,Back\n")
    read = read_metadata(table)
    assert read.index.tolist() == ["B"]
    assert read.iloc[0].to_dict() == {"age": 50, "sex": "male", "site": "back"}


def test_rows_follow_the_images(table: Path, capsys: pytest.CaptureFixture[str]):
    table.write_text("image,sex,age\nX,male,10\nC.jpg,,50\nphotos/A.JPG,female,unknown\n")
    values = metadata_for(INPUTS, table, used=True)
    assert values is not None
    assert (values.dtype, values.shape) == (np.float32, (3, METADATA_SIZE))
    assert said(values) == [{"sex: female": 1}, {}, {"age / 100": 0.5, "age known": 1}]
    note = " ".join(capsys.readouterr().err.split())
    assert note == "metadata for 2 of 3 images (age of 1, sex of 1, site of 0)"


def test_sites_that_the_models_do_not_know_are_told(
    table: Path, capsys: pytest.CaptureFixture[str]
):
    table.write_text("image,site\nA,nail\nB,back\nC,other\n")
    values = metadata_for(INPUTS, table, used=True)
    assert values is not None
    assert said(values) == [{"site: other": 1}, {"site: back": 1}, {"site: other": 1}]
    assert "sites that count as 'other': nail\n" in capsys.readouterr().err


def test_a_table_of_other_images_is_a_warning(table: Path, capsys: pytest.CaptureFixture[str]):
    table.write_text("image,age\nX,10\n")
    values = metadata_for(INPUTS, table, used=True)
    assert values is not None
    assert not values.any()
    assert "says nothing of any of these images" in capsys.readouterr().err


def test_metadata_that_are_missing_are_a_warning(capsys: pytest.CaptureFixture[str]):
    assert metadata_for(INPUTS, None, used=True) is None
    assert "all count as missing; give a CSV with --metadata" in capsys.readouterr().err


def test_models_that_take_no_metadata(table: Path, capsys: pytest.CaptureFixture[str]):
    assert metadata_for(INPUTS, None, used=False) is None
    assert not capsys.readouterr().err
    assert metadata_for(INPUTS, table, used=False) is None
    assert "is not used: no model takes metadata" in capsys.readouterr().err


def test_a_dx_column_is_of_no_interest(table: Path):
    table.write_text("image,dx,age\nA,something new,50\n")
    pd.testing.assert_series_equal(
        read_metadata(table)["age"], pd.Series([50.0], ["A"], name="age"), check_names=False
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"patients\.csv is empty$"),
        ("image,age\n", r"patients\.csv has a header but no row$"),
        ("name,age\nA,5\n", r"has no column of images \(image_id, .*it has name, age$"),
        ("image,width\nA,5\n", "says nothing of age, sex or site: it has none of the columns age"),
        ("image,age\nA,5\nB,old\n", r"patients\.csv, row 3: age 'old' is not a number of years"),
        ("image,age\nA,130\n", r"patients\.csv, row 2: age '130' is not a number of years"),
        ("image,sex\nA,x\n", r"patients\.csv, row 2: sex 'x' is not one of male, female; leave"),
        ("image,age\nA,5\nA.png,6\n", r"patients\.csv: image A stands in rows 2, 3"),
        ("image,age\nA\n", r"patients\.csv, row 2: 1 values for 2 columns"),
    ],
)
def test_a_mistake_is_named(table: Path, text: str, message: str):
    table.write_text(text)
    with pytest.raises(SkinError, match=message):
        metadata_for(INPUTS, table, used=True)


def test_a_file_that_is_not_there(table: Path):
    with pytest.raises(SkinError, match=r"cannot read .*patients\.csv: No such file"):
        metadata_for(INPUTS, table, used=True)


def test_images_may_be_named_as_isic_2019_names_them(table: Path):
    name = "ISIC_0000001_downsampled"
    table.write_text(f"image,sex\n{name},male\n")
    values = metadata_for([InputImage(name, f"{name}.jpg")], table, used=True)
    assert values is not None
    assert said(values) == [{"sex: male": 1}]
