"""What a leaderboard shows of lesions that are none of the classes."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from skin.analysis.drawing import Picture
from skin.analysis.leaderboard import curves, figures, members, tables, wording
from skin.analysis.leaderboard.page import write_leaderboard
from skin.analysis.leaderboard.sheets import sheets, unknown_sheet
from skin.analysis.statistics import Interval
from skin.ensembling.assessment import Assessment, UnknownLine, UnknownLines

KEPT = np.array([0.91, 0.98, 0.95, 0.9, 0.97, np.nan, 0.96])


def line(name: str, *, chosen: bool = False, outside: bool = True) -> UnknownLine:
    def told(*values: float) -> Interval | None:
        return Interval(*values) if outside else None

    return UnknownLine(
        name=name,
        chosen=chosen,
        auroc=told(0.81, 0.78, 0.84),
        found=told(0.31, 0.21, 0.42),
        kept=Interval(0.945, 0.93, 0.96),
        kept_by_class=KEPT,
        cost=Interval(-0.013, -0.02, -0.004),
        bacc=told(0.66, 0.6, 0.7),
    )


def with_lines(assessment: Assessment, *, outside: int) -> Assessment:
    names = ["auto", "entropy", "mahalanobis"] if outside else ["entropy", "mahalanobis"]
    told = [line(name, chosen=name == names[0], outside=outside > 0) for name in names]
    lines = UnknownLines("UNK", "entropy", 1.234, 0.95, outside, tuple(told))
    return replace(assessment, unknown=lines)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (curves, figures, members):
        monkeypatch.setattr(module, "draw", lambda alt, *_, **__: Picture(b"light", b"dark", alt))


def test_the_words_say_score_threshold_and_what_it_brings_and_costs(assessment):
    text = wording.unknown(with_lines(assessment, outside=60))
    for part in (
        "(UNK) where its outlier score (entropy) is above 1.234",
        "to keep 0.950 of the known lesions",
        "keeps 0.945 (MEL 0.910, NV 0.980,",
        "DF \N{EM DASH}",
        "by \N{MINUS SIGN}0.013 (\N{MINUS SIGN}0.020 to \N{MINUS SIGN}0.004)",
        "Of the 60 held-out images outside the classes it finds 0.310 (0.210 to 0.420)",
        "AUROC 0.810 (0.780 to 0.840)",
    ):
        assert part in text
    assert "AUROC" not in wording.unknown(with_lines(assessment, outside=0))
    assert "No image outside the classes is held out" in wording.unknown(
        with_lines(assessment, outside=0)
    )


def test_the_table_has_a_row_a_score(assessment):
    told = unknown_sheet(with_lines(assessment, outside=60))
    assert [row.name.text for row in told.rows] == ["auto", "entropy", "mahalanobis"]
    assert [row.chosen for row in told.rows] == [True, False, False]
    assert {len(row.figures) for row in told.rows} == {len(told.heads) - 1} == {5}
    untold = unknown_sheet(with_lines(assessment, outside=0))
    assert {len(row.figures) for row in untold.rows} == {len(untold.heads) - 1} == {2}


def test_the_terminal_has_room_for_it(assessment):
    console = Console(file=StringIO(), width=80)
    for table in tables.rich_tables(with_lines(assessment, outside=60)):
        console.print(table)
    text = console.file.getvalue()
    assert "mahalanobis" in text
    assert "0.810" in text
    assert "none of the classes" in text


@pytest.mark.usefixtures("undrawn")
def test_the_files_say_it_and_later_ones_do_not(assessment, parse_page, tmp_path):
    write_leaderboard(with_lines(assessment, outside=60), tmp_path, name="main")
    page = parse_page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert not page.open
    assert "Unknown lesions" in page.text
    assert "## Unknown lesions" in (tmp_path / "leaderboard.md").read_text(encoding="utf-8")
    table = pd.read_csv(tmp_path / "unknown.csv")
    assert table["name"].tolist() == ["auto", "entropy", "mahalanobis"]
    assert table.loc[0, ["auroc", "found", "kept", "bacc_cost"]].tolist() == [
        0.81,
        0.31,
        0.945,
        -0.013,
    ]
    assert table.loc[0, "kept_NV"] == 0.98
    write_leaderboard(assessment, tmp_path, name="main")
    assert not (tmp_path / "unknown.csv").exists()
    assert "Unknown lesions" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_an_ensemble_that_does_not_tell_has_no_word_of_it(assessment):
    assert wording.unknown(assessment) == ""
    assert "Unknown lesions" not in [sheet.title for sheet in sheets(assessment)]
    assert (
        len(wording.notes(with_lines(assessment, outside=0))) == len(wording.notes(assessment)) + 1
    )
    assert tables.unknown_table(assessment).empty
