"""Each rule of the official scorer's contract, and the round trip through a file."""

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skin.data.official import official_images
from skin.errors import SkinError
from skin.inference.submission import (
    Block,
    read_submission,
    write_blocks,
)
from skin.taxonomy import CHALLENGES, Challenge, get_challenge

ISIC_2017 = get_challenge("isic2017")
ISIC_2018 = get_challenge("isic2018")

GOOD = """\
image_id,melanoma,seborrheic_keratosis
ISIC_1,0.25,0.5
ISIC_2,1.0,0.0
"""


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "submission.csv"


def test_good_file(csv: Path):
    csv.write_text(GOOD)
    table = read_submission(csv, ISIC_2017)
    assert table.index.tolist() == ["ISIC_1", "ISIC_2"]
    assert table.index.name == "image_id"
    assert table.columns.tolist() == ["melanoma", "seborrheic_keratosis"]
    assert table.to_numpy().tolist() == [[0.25, 0.5], [1.0, 0.0]]
    assert set(table.dtypes) == {np.dtype(np.float64)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "fewer than two line ends"),
        ("x" * 3000, "fewer than two line ends"),
        ("\n\n\n", "is not a CSV: No columns"),
        (GOOD + 'ISIC_3,"0.5,0.5\n', "is not a CSV: .*EOF inside string"),
        (GOOD + "ISIC_3,0.5,0.5,0.5\n", "is not a CSV: .*Expected 3 fields in line 4, saw 4"),
        (GOOD.splitlines()[0] + "\n\n", "has a header but no rows"),
        (GOOD.replace("image_id", "image"), "the column 'image_id' is missing"),
        (GOOD.replace("ISIC_2", ""), "the image id in 'image_id' is missing in data row 2"),
        (GOOD.replace("ISIC_2", "ISIC_1"), "more than one row for ISIC_1"),
        (GOOD.replace("ISIC_2", "ISIC_1.JPG"), "more than one row for ISIC_1"),
        (GOOD.replace("melanoma", "Melanoma"), "missing column melanoma; wanted, in exactly"),
        (GOOD.replace("\n", ",0.5\n").replace("sis,0.5", "sis,nevus"), "unknown column nevus"),
        (GOOD.replace("0.25", ""), "image ISIC_1, column 'melanoma': the value is missing"),
        (GOOD.replace("0.25", "nan"), "image ISIC_1, column 'melanoma': the value is missing"),
        (GOOD.replace("0.25", "high"), "image ISIC_1, column 'melanoma': 'high' is not a number"),
        (GOOD.replace("0.25", "25%"), "image ISIC_1, column 'melanoma': '25%' is not a number"),
        (GOOD.replace("0.25", "0.2_5"), "'0.2_5' is not a number"),
        (GOOD.replace("0.5", "True").replace("0.0", "False"), "'True' is not a number"),
        (GOOD.replace("0.5", "1").replace("0.0", "0"), "'seborrheic_keratosis' holds integers"),
        (GOOD.replace("0.25", "1.0000000000000002"), "1.0000000000000002 is outside"),
        (GOOD.replace("0.25", "-1e-300"), "column 'melanoma': -1e-300 is outside"),
        (GOOD.replace("0.25", "inf"), "inf is outside"),
        (GOOD.replace("0.25", "2.5").replace("0.5", "-0.5"), r"2.5 is outside .*and 1 more"),
    ],
)
def test_each_violation_is_named(csv: Path, content: str, message: str):
    csv.write_text(content)
    with pytest.raises(SkinError, match=message) as caught:
        read_submission(csv, ISIC_2017)
    assert str(csv) in str(caught.value)


def test_not_utf8(csv: Path):
    csv.write_bytes(GOOD.replace("ISIC_2", "ISIC_é").encode("latin-1"))
    with pytest.raises(SkinError, match=r"submission.csv is not UTF-8 \(byte 60\)"):
        read_submission(csv, ISIC_2017)


def test_file_that_is_not_there(csv: Path):
    with pytest.raises(SkinError, match=r"cannot read .*submission.csv: No such file"):
        read_submission(csv, ISIC_2017)


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace("\n", "\n\n"),
        GOOD[:-1],
        GOOD.replace(".5\n", ".5,\n").replace("0.0\n", "0.0,\n"),
        "\ufeff" + GOOD,
        GOOD.replace("ISIC_1", "ISIC_1.jpg").replace("ISIC_2", '"ISIC_2.JpG"'),
        GOOD.replace("0.25", " 25e-2 "),
        GOOD.replace("1.0,", "1,"),
        "seborrheic_keratosis,image_id,melanoma\n0.5,ISIC_1,0.25\n0.0,ISIC_2,1.0\n",
    ],
    ids=[
        "crlf",
        "cr",
        "blank lines",
        "no last line end",
        "trailing commas",
        "bom",
        "jpg",
        "exponent",
        "1",
        "order",
    ],
)
def test_forms_that_the_official_scorer_takes(csv: Path, content: str):
    csv.write_bytes(content.encode())
    table = read_submission(csv, ISIC_2017)
    assert table.index.tolist() == ["ISIC_1", "ISIC_2"]
    assert table["melanoma"].tolist() == [0.25, 1.0]
    assert table["seborrheic_keratosis"].tolist() == [0.5, 0.0]


def test_surplus_fields_in_every_row_are_ignored_with_a_warning(
    csv: Path, capsys: pytest.CaptureFixture[str]
):
    csv.write_text(GOOD.replace(".5\n", ".5,9\n").replace("0.0\n", "0.0,9\n"))
    assert read_submission(csv, ISIC_2017)["melanoma"].tolist() == [0.25, 1.0]
    assert "more fields than the header" in " ".join(capsys.readouterr().err.split())


def test_ids_stay_text(csv: Path):
    csv.write_text(GOOD.replace("ISIC_1", "007").replace("ISIC_2", "8"))
    assert read_submission(csv, ISIC_2017).index.tolist() == ["007", "8"]


@pytest.mark.parametrize("challenge", CHALLENGES.values(), ids=list(CHALLENGES))
def test_header_of_each_challenge(csv: Path, challenge: Challenge):
    values = np.full((1, len(challenge.columns)), 0.5)
    write_blocks(csv, [Block(["ISIC_1"], values)], challenge)
    assert csv.read_text().splitlines()[0] == ",".join([challenge.index, *challenge.columns])
    assert read_submission(csv, challenge).to_numpy().tolist() == values.tolist()


few = settings(max_examples=50, deadline=None)
probabilities = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.just(2)),
    elements=st.floats(0, 1, allow_subnormal=True),
)


@few
@given(values=probabilities)
@example(values=np.array([[0.1 + 0.2, 5e-324], [np.nextafter(1, 0), -0.0]]))
@example(values=np.array([[0.49999999999999994, 0.5000000000000001]]))
def test_round_trip_is_bit_exact(tmp_path_factory: pytest.TempPathFactory, values: np.ndarray):
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    ids = [f"ISIC_{i:07d}" for i in reversed(range(len(values)))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_blocks(path, [Block(ids, values)], ISIC_2017)
        table = read_submission(path, ISIC_2017)
    assert table.index.tolist() == ids
    assert table.to_numpy().tobytes() == values.tobytes()


@few
@given(values=probabilities.map(lambda values: values.astype(np.float32)))
def test_round_trip_of_single_precision(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray
):
    path = tmp_path_factory.getbasetemp() / "single.csv"
    ids = [f"i{i}" for i in range(len(values))]
    write_blocks(path, [Block(ids, values)], ISIC_2017)
    assert np.array_equal(read_submission(path, ISIC_2017).to_numpy(np.float32), values)


@few
@given(cell=st.floats().filter(lambda value: not 0 <= value <= 1))
def test_nothing_outside_0_to_1_is_written(tmp_path_factory: pytest.TempPathFactory, cell: float):
    path = tmp_path_factory.getbasetemp() / "outside.csv"
    block = Block(["a", "b"], np.array([[0.5, 0.5], [cell, 0.5]]))
    with pytest.raises(SkinError, match=r"image b, column 'melanoma': .*(outside|missing)"):
        write_blocks(path, [block], ISIC_2017)
    assert not path.exists()


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", "a"], "more than one row for a"),
        (["a", "b.jpg"], re.escape("the image id 'b.jpg' would be read as 'b'")),
        (["a", "NA"], "missing in data row 2"),
        (["a", "b\rc"], "image b, column 'melanoma': the value is missing"),
        (["a", "ISIC_\udce9"], re.escape("the image id 'ISIC_\\udce9' is no text")),
    ],
)
def test_a_rejected_write_keeps_the_old_file(csv: Path, ids: list[str], message: str):
    csv.write_text("old")
    with pytest.raises(SkinError, match=message):
        write_blocks(csv, [Block(ids, np.full((2, 2), 0.5))], ISIC_2017)
    assert csv.read_text() == "old"
    assert list(csv.parent.iterdir()) == [csv]


def test_shape_must_fit(csv: Path):
    with pytest.raises(ValueError, match=r"shape \(2, 3\); isic2017 wants \(2, 2\)"):
        write_blocks(csv, [Block(["a", "b"], np.zeros((2, 3)))], ISIC_2017)


def test_write_of_official_images(csv: Path):
    ids = official_images(ISIC_2018, "test")
    values = np.random.default_rng(0).dirichlet(np.ones(7), size=len(ids))
    write_blocks(csv, [Block(ids, values)], ISIC_2018)
    expected = pd.DataFrame(values, index=list(ids), columns=list(ISIC_2018.columns))
    pd.testing.assert_frame_equal(
        read_submission(csv, ISIC_2018), expected, check_exact=True, check_names=False
    )


@few
@given(values=probabilities, size=st.integers(1, 5))
def test_blocks_are_written_as_one(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray, size: int
):
    folder = tmp_path_factory.getbasetemp()
    ids = [f"I{number}" for number in range(len(values))]
    write_blocks(folder / "whole.csv", [Block(ids, values)], ISIC_2017)
    blocks = [Block(ids[i : i + size], values[i : i + size]) for i in range(0, len(ids), size)]
    nothing = Block([], np.empty((0, 2)))
    write_blocks(folder / "blocks.csv", [nothing, *blocks, nothing], ISIC_2017)
    assert (folder / "blocks.csv").read_bytes() == (folder / "whole.csv").read_bytes()


def test_what_is_wrong_in_a_later_block_keeps_the_old_file(csv: Path):
    csv.write_text("old")
    good = Block(["a", "b"], np.full((2, 2), 0.5))
    for bad, message in (
        (Block(["c", "a"], np.full((2, 2), 0.5)), "more than one row for a; keep one"),
        (Block(["c"], np.array([[0.5, np.nan]])), "image c, column 'seborrheic_keratosis': .*miss"),
    ):
        with pytest.raises(SkinError, match=message):
            write_blocks(csv, [good, bad], ISIC_2017)
    with pytest.raises(ValueError, match=r"shape \(1, 3\)"):
        write_blocks(csv, [good, Block(["c"], np.full((1, 3), 0.5))], ISIC_2017)
    assert csv.read_text() == "old"


def test_a_submission_of_nothing_is_refused(csv: Path):
    with pytest.raises(SkinError, match="there is no image to write a row for"):
        write_blocks(csv, [], ISIC_2017)
    assert not csv.exists()
