from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.data.sources.metadata import normalise, read_csv
from skin.data.sources.tables import Table, attach, narrow, one_hot, require_same
from skin.errors import SkinError
from skin.taxonomy import LABELS

CODES = ("MEL", "NV", "BCC")


def table(text: str) -> Table:
    return Table("t.csv", read_csv(text.encode(), "t.csv"))


@pytest.mark.parametrize(
    ("one", "zero"), [("1", "0"), ("1.0", "0.0"), ("1", "0.0"), ("1.00", "0.000"), ("1e0", "-0")]
)
def test_one_hot(one: str, zero: str):
    rows = f"i,MEL,NV,BCC,weight\na,{one},{zero},{zero},7\nb,{zero},{zero},{one},7\n"
    assert one_hot(table(rows), CODES).tolist() == ["MEL", "BCC"]


@given(st.lists(st.integers(0, len(CODES)), min_size=1, max_size=20))
def test_one_hot_gives_back_what_was_written(which: list[int]):
    names = [*CODES, "none"]
    rows = [",".join("01"[column == k] for column in range(len(CODES))) for k in which]
    said = one_hot(table("\n".join([",".join(CODES), *rows]) + "\n"), CODES, neither="none")
    assert said.tolist() == [names[k] for k in which]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("MEL,NV\n1,0\n", "lacks the column BCC; it has: MEL, NV"),
        ("MEL,NV,BCC\n1,0,0\n0,0,0\n", "t.csv, row 3: 0 of the columns MEL, NV, BCC are 1"),
        ("MEL,NV,BCC\n1,1,0\n0,0,0\n0,1,1\n", "t.csv, rows 2, 4: 2 of the columns"),
        ("MEL,NV,BCC\n1,0,0\n0,x,0\n1,0,\n", "t.csv, rows 3, 4: NV is 'x', neither 0 nor 1"),
        ("MEL,NV,BCC\n0.5,0,0\n", "row 2: MEL is '0.5'"),
    ],
)
def test_what_is_not_one_hot_is_an_error(rows: str, message: str):
    with pytest.raises(SkinError, match=message):
        one_hot(table(rows), CODES)


def test_several_ones_are_an_error_even_where_none_is_not():
    with pytest.raises(SkinError, match="row 3: 2 of the columns"):
        one_hot(table("MEL,NV,BCC\n0,0,0\n1,0,1\n"), CODES, neither="x")


def test_attach_fills_by_image_and_says_what_differs(capsys: pytest.CaptureFixture[str]):
    rows = pd.DataFrame({"image_id": ["b", "a", "c"]}, index=[2, 3, 4])
    more = pd.DataFrame({"image_id": ["a", "b", "d"], "age": [1.0, 2.0, 3.0]})
    attach(rows, more, ["age"], "m.csv")
    assert rows["age"].tolist()[:2] == [2.0, 1.0]
    assert pd.isna(rows["age"].iloc[2])
    said = capsys.readouterr().err
    assert "1 image has no row in m.csv: c" in said
    assert "1 row of m.csv is of images that are not asked for: d" in said


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["nv", "mel", "df"], ""),
        ([pd.NA, "mel", "df"], ""),
        (["mel", "nv", "df"], r"m\.csv, rows 2, 3: dx is not what t\.csv says, as 'mel' of b, "),
        (["nv", "df", "df"], r"m\.csv, row 3: .* as 'df' of a, there 'mel'"),
    ],
)
def test_what_two_tables_tell_must_be_the_same(labels: list[object], message: str):
    rows = pd.DataFrame({"image_id": ["a", "b", "c"], "dx": ["mel", "nv", pd.NA]}, index=[2, 3, 4])
    more = pd.DataFrame({"image_id": ["b", "a", "d"], "dx": labels}, index=[2, 3, 4])
    if not message:
        require_same(rows, more, ["dx"], "m.csv", "t.csv")
        return
    with pytest.raises(SkinError, match=message):
        require_same(rows, more, ["dx"], "m.csv", "t.csv")


def narrowed(rows: list[tuple[str, bool]]) -> list[str]:
    text = "".join(f"i{n},{dx}\n" for n, (dx, _) in enumerate(rows))
    columns = {"image_id": "i", "dx": "dx"}
    normal = normalise(table(f"i,dx\n{text}").rows, columns, "t.csv", strict_dx=False)
    malignant = pd.Series([sure for _, sure in rows], index=normal.index)
    return narrow(normal, malignant, "t.csv").tolist()


def test_diagnoses_are_narrowed_and_what_is_not_known_is_said(capsys: pytest.CaptureFixture[str]):
    rows = [
        ("nevus", False),
        ("unknown", False),
        ("", True),
        ("melanoma", True),
        ("odd", False),
        ("odd", True),
    ]
    assert narrowed(rows) == ["nv", "benign", "malignant", "mel", "benign", "malignant"]
    said = capsys.readouterr().err
    assert "no label for 'odd' (2)" in said
    assert "contradict" not in said


def test_a_diagnosis_that_contradicts_gives_way(capsys: pytest.CaptureFixture[str]):
    rows = [("melanoma", False), ("nevus", True), ("melanoma", False), ("nevus", False)]
    assert narrowed(rows) == ["benign", "malignant", "benign", "nv"]
    said = capsys.readouterr().err
    assert "warning: t.csv: 3 diagnoses contradict" in said
    assert "'melanoma' (2), 'nevus' (1)" in said


@given(st.lists(st.tuples(st.sampled_from([*LABELS, "odd"]), st.booleans()), min_size=1))
def test_narrowed_labels_never_contradict(rows: list[tuple[str, bool]]):
    for label, (_, malignant) in zip(narrowed(rows), rows, strict=True):
        assert LABELS[label] <= LABELS["malignant" if malignant else "benign"]
