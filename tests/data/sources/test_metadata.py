from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.data.sources.metadata import fill_lesions, image_id, normalise, read_csv
from skin.data.synthetic.files import csv_text
from skin.errors import SkinError

COLUMNS = {"image_id": "image", "dx": "dx", "age": "age", "sex": "sex", "lesion_id": "lesion"}
HEADER = "image,dx,age,sex,lesion\n"


def load(text: str):
    return normalise(read_csv(text.encode(), "t.csv"), COLUMNS, "t.csv")


def test_values_are_normalised():
    table = load(HEADER + " a.JPG , NV ,50,Female,L1\nsub/b,Mel,,unknown,\n")
    assert table["image_id"].tolist() == ["a", "b"]
    assert table["dx"].tolist() == ["nv", "mel"]
    assert table["age"].iloc[0] == 50
    assert pd.isna(table["age"].iloc[1])
    assert table["sex"].iloc[0] == "female"
    assert pd.isna(table["sex"].iloc[1])
    assert table["lesion_id"].isna().tolist() == [False, True]
    assert fill_lesions(table) == 1
    assert table["lesion_id"].tolist() == ["L1", "b"]  # a lesion of its own
    assert table["site"].isna().all()


def test_a_lesion_of_its_own_is_no_published_one():
    """Image 1 has the id of the lesion of 2 and 3, and is not of it."""
    table = load(HEADER + "1,mel,,,\n2,nv,,,1\n3,nv,,,1\n1-alone,nv,,,\n")
    assert fill_lesions(table) == 2
    assert table["lesion_id"].tolist() == ["1-alone-alone", "1", "1", "1-alone"]


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "a-alone", "b-alone", "a-alone-alone", "c"]),
        st.sampled_from(["a", "b", "a-alone", "b-alone", "", "c-alone"]),
        min_size=1,
    )
)
def test_lesions_are_as_published_and_the_others_of_one_image(lesion_of: dict[str, str]):
    rows = "".join(f"{image},nv,,,{lesion}\n" for image, lesion in lesion_of.items())
    table = load(HEADER + rows)
    assert fill_lesions(table) == list(lesion_of.values()).count("")
    groups = {frozenset(group) for _, group in table.groupby("lesion_id")["image_id"]}
    published = set(filter(None, lesion_of.values()))
    expected = {frozenset(i for i, own in lesion_of.items() if own == one) for one in published}
    assert groups == expected | {frozenset([i]) for i, own in lesion_of.items() if not own}
    turned = load(HEADER + "".join(f"{row}\n" for row in reversed(rows.splitlines())))
    fill_lesions(turned)
    sort = lambda each: each.set_index("image_id")["lesion_id"].sort_index().tolist()  # noqa: E731
    assert sort(turned) == sort(table)


def test_byte_order_mark_and_spaces_in_the_header():
    table = load("\ufeff image , dx,age ,sex,lesion\na,nv,1,male,L\n")
    assert table["image_id"].tolist() == ["a"]


def test_quoted_tab_separated_values():
    data = b'"image"\t"dx"\r\n"a"\t"nv"\r\n'
    assert read_csv(data, "t.tab", "\t").to_dict("records") == [{"image": "a", "dx": "nv"}]


@pytest.mark.parametrize("commas", [",", ",,", ", ,"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_trailing_commas_are_dropped(commas: str, end: str):
    text = end.join(["a,b" + commas, "1,2" + commas, ",4" + commas, ""])
    rows = read_csv(text.encode(), "t.csv")
    assert rows.to_dict("list") == {"a": ["1", ""], "b": ["2", "4"]}
    assert rows.index.tolist() == [2, 3]


def test_a_column_may_lack_a_name_before_the_last():
    assert read_csv(b",a\n0,1\n", "t.csv").to_dict("list") == {"": ["0"], "a": ["1"]}


def test_only_the_columns_that_are_wanted():
    rows = read_csv(b"a,b,c\n1,2,3\n4,5,6\n", "t.csv", only={"c", "a", "z"})
    assert rows.to_dict("list") == {"a": ["1", "4"], "c": ["3", "6"]}


@given(
    st.lists(st.tuples(*[st.text('ab ,"\n', max_size=4)] * 3), min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_is_written_is_read(rows: list[tuple[str, ...]], line_end: str, bom: bool):
    text = csv_text("xyz", rows, bom=bom, line_end=line_end)
    read = read_csv(text.encode(), "t.csv")
    assert read.to_numpy().tolist() == [[value.strip() for value in row] for row in rows]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv is empty"),
        ("a,\n1,2\n", "row 2: a value in column 2, which has no name; name or drop it"),
        ("\n\n", "t.csv is empty"),
        (HEADER, "no row"),
        ("image,dx,age,sex\na,nv,1,male\n", "lacks the column lesion; it has: image, dx, age, sex"),
        ("img,diagnosis\na,nv\n", "lacks the columns image, dx, age, sex, lesion"),
        ("image,dx, dx,age,sex,lesion\na,nv,nv,1,male,L\n", "column 'dx' twice"),
        (HEADER + "a,nv,1,male,L,extra\n", "row 2: 6 values for 5 columns"),
        (HEADER + "a,nv,1,male,L\nb,nv,1\n", "row 3: 3 values for 5 columns"),
        (
            HEADER + "a,nv,1,male,L\nb,xyz,1,male,L\nc,,1,male,L\n",
            "rows 3, 4: unknown dx 'xyz', ''",
        ),
        (HEADER + "a,foo,1,male,L\n", "known: mel, nv, bcc, ak, .*spelled out"),
        (HEADER + "a,nv,1,male,L\nb,nv,,,\na.jpg,mel,2,male,L\n", "image a stands in rows 2, 4"),
        (HEADER + "\n\na,foo,1,male,L\n", "row 4: unknown dx 'foo'"),
        (HEADER + 'a,"nv,1,male,L\n', "line 2, is not a proper CSV"),
        (HEADER + ",nv,1,male,L\n", "row 2: the image id is empty"),
        (HEADER + "a,nv,old,male,L\n", "row 2: age 'old' is not a number of years"),
        (HEADER + "a,nv,-1,male,L\n", "row 2: age '-1'"),
        (HEADER + "a,nv,1e999,male,L\n", "row 2: age '1e999'"),
    ],
)
def test_errors_name_the_row_and_the_value(text: str, message: str):
    with pytest.raises(SkinError, match=message):
        load(text)


def test_text_that_is_not_utf8_is_an_error():
    with pytest.raises(SkinError, match="not UTF-8"):
        read_csv("image\nä\n".encode("latin-1"), "t.csv")


def test_raw_text_is_kept():
    table = load(HEADER + "a,Nevus,50,F,L1\nb,mel,,Unknown,L2\n")
    assert table["dx"].tolist() == ["nv", "mel"]
    assert table["dx_raw"].tolist() == ["Nevus", "mel"]
    assert table["sex_raw"].tolist() == ["F", "Unknown"]
    assert table["age_raw"].isna().tolist() == [False, True]
    assert table["site_raw"].isna().all()


def test_an_unknown_diagnosis_may_be_left_to_the_reader():
    rows = read_csv(b"image,dx\na,odd\nb,nv\n", "t.csv")
    table = normalise(rows, {"image_id": "image", "dx": "dx"}, "t.csv", strict_dx=False)
    assert table["dx"].tolist() == ["unknown", "nv"]
    assert table["dx_raw"].tolist() == ["odd", "nv"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a"),
        ("x/y/a.PNG", "a"),
        ("x\\a.jpeg", "a"),
        ("a", "a"),
        ("v1.2", "v1.2"),
        ("v1.2.tif", "v1.2"),
        ("x.JPG", "x"),
        (".jpg", ".jpg"),
        ("ISIC_0000001_downsampled.jpg", "ISIC_0000001"),
        ("ISIC_0000001_downsampled", "ISIC_0000001"),
        ("mine_downsampled.jpg", "mine_downsampled"),
    ],
)
def test_image_id(name: str, expected: str):
    assert image_id(name) == expected
