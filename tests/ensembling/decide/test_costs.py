from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skin.ensembling.decide.costs import built_in_costs, read_costs
from skin.errors import SkinError
from skin.taxonomy import TASKS

THREE = TASKS["isic2017"]
GOOD = "truth,NV,MEL,SK\nSK,1,2,0\nMEL,10,0,9.5\nNV,0,1.5,1\n"


def test_missing_a_malignant_lesion_costs_ten():
    costs = built_in_costs(TASKS["isic2018"])
    # MEL, NV, BCC, AKIEC, BKL, DF, VASC; the first, third and fourth are malignant.
    assert costs[0].tolist() == [0, 10, 1, 1, 10, 10, 10]
    assert costs[1].tolist() == [1, 0, 1, 1, 1, 1, 1]
    assert np.diagonal(costs).tolist() == [0] * 7


def test_a_file_in_any_order(tmp_path: Path):
    path = tmp_path / "costs.csv"
    path.write_text("\ufeff" + GOOD.replace("9.5", " 9.5 "), encoding="utf-8")
    # MEL, SK, NV
    assert read_costs(path, THREE).tolist() == [[0, 9.5, 10], [2, 0, 1], [1.5, 1, 0]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("9.5", "much", r"costs.csv, row 3 \(MEL\), column SK: 'much' is no number"),
        ("9.5", "", r"row 3 \(MEL\), column SK: '' is no number"),
        ("9.5", "-1", r"row 3 \(MEL\), column SK: -1 must be a finite cost"),
        ("9.5", "nan", "nan must be a finite cost"),
        ("9.5", "inf", "inf must be a finite cost"),
        ("1,2,0", "1,2,3", r"row 2 \(SK\), column SK: 3 must be 0"),
        (",MEL,", ",MLE,", "header: 'MLE' is no class of isic2017; did you mean 'MEL'"),
        ("\nMEL", "\nMLE", "first column: 'MLE' is no class of isic2017; did you mean 'MEL'"),
        ("truth,NV,MEL", "truth,NV,NV", "'NV' twice"),
        ("\nNV", "\nMEL", "first column: MEL stands there twice"),
        ("NV,0,1.5,1\n", "", "first column: NV is missing"),
        ("NV,0,1.5,1\n", "NV,0,1.5\n", "row 4: 3 values for 4 columns"),
        ("truth,NV,MEL,SK\nSK,1,2,0\nMEL,10,0,9.5\n", "truth,NV\n", "4 values for 2 columns"),
        (GOOD, "truth,NV,MEL,SK\n", "no row"),
        (GOOD, "", "is empty"),
        (GOOD, "truth,NV,MEL\nSK,1,1\nMEL,1,0\nNV,0,1\n", "header: SK is missing"),
        (GOOD, "t,NV,MEL,SK\nSK,0,0,0\nMEL,0,0,0\nNV,0,0,0\n", "every cost is 0"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, message: str):
    path = tmp_path / "costs.csv"
    assert GOOD.count(old) == 1
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(SkinError, match=message):
        read_costs(path, THREE)


def test_no_text_and_no_file(tmp_path: Path):
    (tmp_path / "latin.csv").write_bytes(GOOD.encode().replace(b"truth", b"\xe9"))
    with pytest.raises(SkinError, match=r"latin.csv is not UTF-8"):
        read_costs(tmp_path / "latin.csv", THREE)
    with pytest.raises(SkinError, match=r"cannot read the costs in .*: Is a directory"):
        read_costs(tmp_path, THREE)
