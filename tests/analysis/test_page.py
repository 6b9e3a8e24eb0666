from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from jinja2 import DictLoader, Environment
from PIL import Image

from skin.analysis import page as pages
from skin.analysis.blocks import (
    Cell,
    Gallery,
    Group,
    Line,
    Photo,
    Plot,
    Section,
    Strip,
    Table,
    Words,
)
from skin.analysis.drawing import DARK, LIGHT, Picture, draw
from skin.analysis.page import Page, rows, textual, write_page
from skin.analysis.pages import environment
from skin.errors import SkinError


def picture(color="accent") -> Picture:
    def paint(axes, palette) -> None:
        axes.plot([0, 1], [0, 1], "o", color=getattr(palette, color, color))
        axes.set_title("a < b & c")

    return draw("Two <{dots}>.", 1.5, paint)


def table(name="scores", *, lines=None, **settings) -> Table:
    cells = [Cell("0.500", "0.400 to 0.600", value=0.5), Cell("yes", tone="bad")]
    lines = lines or [Line("a<b>", cells, ("leaking",), best=True), Line("c", cells)]
    heads = ["Run", *["BACC", "Words"][: len(lines[0].cells)]]
    return Table(name, "Title & such", heads, lines, pd.DataFrame({"run": ["a"]}), **settings)


def photo(tone="plain") -> Photo:
    data = io.BytesIO()
    Image.new("RGB", (4, 4), "tan").save(data, "JPEG")
    return Photo(data.getvalue(), "A <lesion>", ("MEL", "0.9"), tone)


def page(*blocks, **settings) -> Page:
    section = Section("one", "One", blocks, "How to read it.", "It found `x`.")
    return Page("A is best", "Comparison", ["Lead.", "Facts."], [section], **settings)


@pytest.fixture
def html(tmp_path):
    """Write a page of blocks, and give its text."""

    def write(*blocks, **settings) -> str:
        path, *_ = write_page(page(*blocks, **settings), tmp_path)
        return path.read_text(encoding="utf-8")

    return write


def test_every_block_is_shown_and_nothing_else_is_loaded(html, parse_page):
    text = html(
        table(),
        Plot("dots", picture(), "A caption."),
        Words("Mind <this>.", warning=True),
        Gallery("g", "Pictures", [Strip("one", [photo(), photo("bad")])]),
        Group("Folded", [table("inner")], closed=True),
        Group("Open", [Words("Inside.")]),
        notes=["A note."],
        figure=Plot("first", picture()),
    )
    parsed = parse_page(text)

    assert not parsed.open
    said = " ".join(parsed.text.split())
    for words in ("A is best", "Lead.", "Facts.", "It found x.", "A caption.", "Mind <this>."):
        assert words in said
    for words in ("Folded", "Inside.", "A note.", "a<b> leaking", "How to read it."):
        assert words in said
    images = [attributes for tag, attributes in parsed.tags if tag == "img"]
    assert [image["alt"] for image in images] == ["A <lesion>"] * 2
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in images)
    drawn = [attributes for tag, attributes in parsed.tags if tag == "svg"]
    assert [(svg["role"], svg["aria-label"]) for svg in drawn] == [("img", "Two <{dots}>.")] * 2
    assert not re.search(r"https?://|@import|<link|src=\"(?!data:)", text)
    assert {"details", "summary", "h3"} <= {tag for tag, _ in parsed.tags}


def test_contents_name_the_sections(html, parse_page):
    parsed = parse_page(html(table(), notes=["x"]))

    links = {attributes["href"] for tag, attributes in parsed.tags if tag == "a"}
    ids = {f"#{attributes['id']}" for _, attributes in parsed.tags if "id" in attributes}
    assert links == {"#one", "#notes"} <= ids


def test_a_figure_follows_the_scheme(html):
    text = html(Plot("dots", picture()))

    svg = text[text.index("<svg") : text.index("</svg>")]
    assert re.search(r"stroke: var\(--(accent|series-0)\)", svg)
    assert not re.search(r"#[0-9a-f]{6}", svg)
    assert "a &lt; b &amp; c</text>" in svg


def test_a_figure_of_colours_of_its_own_is_shown_in_both_schemes(html, parse_page):
    tags = parse_page(html(Plot("dots", picture("#123456")))).tags

    assert not [tag for tag, _ in tags if tag == "svg"]
    assert [attributes["alt"] for tag, attributes in tags if tag == "img"] == ["Two <{dots}>."]
    assert "source" in {tag for tag, _ in tags}


def test_figures_share_no_names(html):
    text = html(Plot("a", picture()), Plot("b", picture()))

    names = re.findall(r'(?<=<path id=")[^"]+', text)
    assert len(names) == len(set(names)) >= 2
    assert set(re.findall(r'(?<=href="#)f[^"]+', text)) <= set(names)


def test_cells_sort_by_their_values(html):
    lines = [Line("a", [Cell("—", value=float("nan"))]), Line("b", [Cell("1,000", value=1000)])]

    text = html(table(lines=lines))

    assert re.findall(r'data-value="([^"]*)"', text) == ["", "1000"]
    assert 'class="plain sortable"' in text
    assert "sortable" not in html(table(lines=lines[:1])).partition("<main>")[2].split("<script")[0]


def test_confusion_and_bars(html):
    lines = [Line("a", [Cell("0.25", "12", "bad", 0.25, 0.25)]), Line("b", [Cell("x", share=1.0)])]

    confusion = html(table(lines=lines, layout="confusion"))
    bars = html(table(lines=lines, layout="bars"))

    assert '<td class="shaded warm" data-value="0.25" style="--share:0.250">' in confusion
    assert '<table class="confusion">' in confusion
    assert '<span style="--share:0.2500"></span>' in bars


def test_only_known_marks_are_loud(html):
    text = html(table(lines=[Line("a", [Cell("1")], ("leaking", "rule prior"))]))

    assert "<mark>leaking</mark>" in text
    assert '<mark class="calm">rule prior</mark>' in text


def test_code_in_prose_is_escaped(html):
    text = html(Words("Run `skin <x>` & see."))

    assert "Run <code>skin &lt;x&gt;</code> &amp; see." in text


def test_a_block_brings_its_own_template(monkeypatch, tmp_path):
    @dataclass(frozen=True)
    class Own:
        macro: ClassVar[str] = "own"
        word: str = "<hello>"

    def with_own(package) -> Environment:
        templates = environment(package)
        macro = "{% macro own(it) %}<i>{{ it.word }}</i>{% endmacro %}"
        templates.loader.loaders.append(DictLoader({"own.html.j2": macro}))
        return templates

    monkeypatch.setattr(pages, "environment", with_own)
    path, *_ = write_page(page(Own()), tmp_path)

    assert "<i>&lt;hello&gt;</i>" in path.read_text()


def test_narrow_blocks_stand_side_by_side():
    narrow, wide = table(wide=False), table()
    plot = Plot("p", Picture(b"", b"", ""))
    words = Words("x")

    found = [(len(row.blocks), row.together) for row in rows([narrow, plot, wide, plot, words])]

    assert found == [(2, True), (1, False), (1, True), (1, False)]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["fp32", "bf16"], True),
        (["0.5", "best"], False),
        (["−0.010", "+0.020"], False),  # noqa: RUF001 - a true minus
        (["—", "—"], False),
        (["—", "A100"], True),
    ],
)
def test_columns_of_words_are_told_from_figures(texts, expected):
    lines = [Line("x", [Cell(text)]) for text in texts]

    assert textual(table(lines=lines)) == [expected]


def test_writes_alike_each_time_and_all_that_is_asked(tmp_path):
    blocks = (table(), Plot("dots", picture()))

    first, second = (
        write_page(page(*blocks), tmp_path / name, figures=["svg"], beside={"extra.csv": "a\n"})
        for name in "xy"
    )

    assert [path.relative_to(tmp_path / "x").as_posix() for path in first] == [
        "index.html",
        "extra.csv",
        "tables/scores.csv",
        "tables/scores.md",
        "tables/scores.tex",
        "figures/dots.svg",
    ]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_what_an_earlier_page_left_is_removed_and_nothing_else(tmp_path):
    write_page(page(table("old"), Plot("p", picture())), tmp_path, figures=["svg"])
    (tmp_path / "tables" / "mine.csv").write_text("mine")

    write_page(page(table("new")), tmp_path)

    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [
        "mine.csv",
        "new.csv",
        "new.md",
        "new.tex",
    ]
    assert not list((tmp_path / "figures").iterdir())


def test_a_record_that_points_elsewhere_is_refused(tmp_path):
    folder = tmp_path / "report"
    write_page(page(), folder)
    (tmp_path / "precious").write_text("mine")
    (folder / ".written").write_text("../precious\n")

    with pytest.raises(SkinError, match=r"\.written names files outside its folder"):
        write_page(page(), folder)
    assert (tmp_path / "precious").exists()


def test_all_files_or_none(tmp_path, monkeypatch):
    write = Path.write_bytes

    def full(path, data) -> int:
        if path.name.startswith(".scores.tex"):
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SkinError, match="No space left"):
        write_page(page(table()), tmp_path / "x")

    assert not [path for path in (tmp_path / "x").rglob("*") if path.is_file()]


def test_schemes_have_the_same_variables(html):
    text = html(table())

    for palette in (LIGHT, DARK):
        for i, color in enumerate(palette.folds):
            assert f"--series-{i}: {color};" in text
        for name in ("paper", "tint", "ink", "muted", "rule", "accent"):
            assert f"--{name}: {getattr(palette, name)};" in text


def test_numpy_figures_sort_too(html):
    lines = [Line("a", [Cell("x", value=np.float64(0.25))]), Line("b", [Cell("y", value="z")])]

    assert re.findall(r'data-value="([^"]*)"', html(table(lines=lines))) == ["0.25", "z"]
