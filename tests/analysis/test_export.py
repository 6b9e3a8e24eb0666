from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.analysis.blocks import Cell, Group, Line, Plot, Section, Table
from skin.analysis.drawing import Picture, draw
from skin.analysis.export import figure_files, latex, markdown, stems, table_files
from skin.errors import SkinError

TABLE = Table(
    name="leaderboard/1",
    title="Scores",
    heads=["Run", "BACC", "Δ"],
    lines=[
        Line("a_b & c", [Cell("0.500", "0.400 to 0.600"), Cell("−0.1")], ("leaking",), best=True),  # noqa: RUF001 - a true minus
        Line("x|y", [Cell("95\N{NO-BREAK SPACE}%"), Cell("—")]),
    ],
    frame=pd.DataFrame({"run": ["a_b & c", "x|y"], "bacc": [0.123456789, None]}),
    caption="Of 2 runs.",
)


def test_markdown():
    assert markdown(TABLE).splitlines() == [
        "**Scores**",
        "",
        "| Run | BACC | Δ |",
        "| --- | ---: | ---: |",
        r"| a_b \& c (leaking) | 0.500 (0.400 to 0.600) | −0.1 |",  # noqa: RUF001 - a true minus
        "| x\\|y | 95\N{NO-BREAK SPACE}% | — |",
        "",
        "Of 2 runs.",
    ]


def test_latex():
    lines = latex(TABLE, "scores").splitlines()

    assert r"\caption{Scores. Of 2 runs.}" in lines
    assert r"\label{tab:scores}" in lines
    assert r"\begin{tabular}{lrr}" in lines
    rows = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    assert rows == [
        r"\textbf{a\_b \& c (leaking)} & \textbf{0.500 (0.400 to 0.600)} & \textbf{$-$0.1} \\",
        r"x\textbar{}y & 95~\% & --- \\",
    ]


def test_csv_has_the_figures_unrounded():
    section = Section("s", "S", [Group("g", [TABLE], closed=True)])

    files = table_files([section])

    assert sorted(files) == [f"tables/leaderboard-1.{suffix}" for suffix in ("csv", "md", "tex")]
    assert files["tables/leaderboard-1.csv"] == b"run,bacc\na_b & c,0.123456789\nx|y,\n"


def test_figures_in_each_format_once():
    plot = Plot("p", draw("A line.", 1.2, lambda axes, _: axes.plot([0, 1], [0, 1])))

    files = figure_files([Section("s", "S", [plot])], plot, ["pdf", "png", "png", "svg"])

    heads = {name: content[:5] for name, content in files.items()}
    assert heads == {
        "figures/p.svg": b"<?xml",
        "figures/p.png": b"\x89PNG\r",
        "figures/p.pdf": b"%PDF-",
    }
    assert figure_files([Section("s", "S", [plot])], plot, []) == {}
    assert files == figure_files([Section("s", "S", [plot])], plot, ["png", "svg", "pdf"])


def test_unknown_formats_are_named():
    with pytest.raises(SkinError, match="unknown format of figures 'pgn': did you mean 'png'"):
        figure_files([], None, ["svg", "pgn"])


def test_a_figure_without_a_painter_is_a_mistake_of_the_code():
    plot = Plot("p", Picture(b"", b"", ""))

    with pytest.raises(ValueError, match="figure p was not drawn"):
        figure_files([], plot, ["svg"])


def test_names_of_files():
    names = ["a/b", "a b", "A-B", "../..", "Δ é", "x.y_z-1"]

    assert list(stems(names)) == ["a-b", "a-b-2", "A-B-3", "unnamed", "Δ-é", "x.y_z-1"]


@given(st.lists(st.text(max_size=12), max_size=8))
def test_names_of_files_are_safe_and_differ(names):
    found = list(stems(names))

    assert len({name.casefold() for name in found}) == len(names)
    assert all(name and not set(name) & set('/\\:*?"<>| \n') for name in found)
    assert not any(name.startswith((".", "-")) for name in found)


def test_figures_of_one_name_are_numbered():
    picture = draw("A line.", 1, lambda axes, _: axes.plot([0, 1]))
    plots = [Plot("roc-malignant", picture), Plot("roc-malignant", picture)]

    files = figure_files([Section("s", "S", plots)], Plot("bacc", picture), ["svg"])

    assert list(files) == [
        "figures/bacc.svg",
        "figures/roc-malignant.svg",
        "figures/roc-malignant-2.svg",
    ]
