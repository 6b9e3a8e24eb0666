from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from skin.analysis.probes.store import (
    Origin,
    Result,
    csv_path,
    json_path,
    read_result,
    read_table,
    why_stale,
    write_result,
)
from skin.errors import SkinError
from skin.files import sha256_file


class Answer(Result):
    figure: float


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for fold in (0, 1):
        (tmp_path / f"fold{fold}").mkdir()
        (tmp_path / f"fold{fold}" / "best.safetensors").write_text(f"weights {fold}")
    return tmp_path


@pytest.fixture
def answer(folder: Path) -> Answer:
    weights = {n: sha256_file(folder / f"fold{n}" / "best.safetensors") for n in (0, 1)}
    origin = Origin(run="a", dataset="toy", dataset_hash="x", weights=weights, seed=3)
    return Answer(origin=origin, figure=0.1 + 0.2)


def test_what_is_written_is_read(folder, answer):
    table = pd.DataFrame({"image_id": ["007", "NA"], "share": [1 / 3, 2.0]})
    path = write_result(folder, "probe", answer, table)
    assert path == json_path(folder, "probe")
    known = read_result(folder, "probe", Answer)
    assert known.figure == answer.figure
    assert known.origin == answer.origin
    assert read_table(folder, "probe", known, {"share": float}).equals(
        table.astype({"image_id": str})
    )
    assert why_stale(folder, known) == ""


def test_there_may_be_none(folder):
    assert read_result(folder, "probe", Answer) is None


def test_other_or_lost_weights_make_it_stale(folder, answer):
    (folder / "fold1" / "best.safetensors").write_text("trained anew")
    assert why_stale(folder, answer) == "fold 1 has other weights since"
    (folder / "fold0" / "best.safetensors").unlink()
    assert why_stale(folder, answer) == "fold 0, 1 has other weights since"


def test_a_table_of_another_result_is_refused(folder, answer):
    write_result(folder, "probe", answer, pd.DataFrame({"image_id": ["a"]}))
    known = read_result(folder, "probe", Answer)
    csv_path(folder, "probe").write_text("image_id\nb\n")
    with pytest.raises(SkinError, match=r"probe\.csv is not the table .* run `skin probe probe`"):
        read_table(folder, "probe", known, {})
    csv_path(folder, "probe").unlink()
    with pytest.raises(SkinError, match=r"probe\.csv is missing"):
        read_table(folder, "probe", known, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ('{"figure": 1}', r"origin: Field required"),
        ('{"figure": 1, "more": 2}', "more: Extra inputs are not permitted"),
    ],
)
def test_a_file_that_is_no_result_is_refused(folder, text, message):
    json_path(folder, "probe").parent.mkdir()
    json_path(folder, "probe").write_text(text)
    with pytest.raises(SkinError, match=message):
        read_result(folder, "probe", Answer)
