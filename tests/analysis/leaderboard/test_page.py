from __future__ import annotations

import re
from pathlib import Path

import pytest

from skin.analysis.drawing import LIGHT, Picture
from skin.analysis.leaderboard import curves, figures, members, wording
from skin.analysis.leaderboard.page import write_leaderboard
from skin.errors import SkinError

TABLES = [
    "calibration.csv",
    "index.html",
    "leaderboard.csv",
    "leaderboard.md",
    "rules.csv",
    "steps.csv",
]
FILES = sorted([*TABLES, "gain.svg", "members.svg"])


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the figures empty, as drawing is most of a page's time."""
    for module in (curves, figures, members):
        monkeypatch.setattr(module, "draw", lambda alt, *_, **__: Picture(b"light", b"dark", alt))


def test_writes_its_files(assessment, tmp_path):
    written = write_leaderboard(assessment, tmp_path / "reports" / "main", name="main")

    assert written[0] == tmp_path / "reports" / "main" / "index.html"
    assert names(written[0].parent) == sorted(path.name for path in written) == FILES
    for name, title in (("members.svg", "Correlation of the runs"), ("gain.svg", "plain mean")):
        svg = (written[0].parent / name).read_text(encoding="utf-8")
        assert title in svg
        assert LIGHT.ink in svg


@pytest.mark.usefixtures("undrawn")
def test_writes_alike_each_time(assessment, tmp_path):
    first, second = (
        write_leaderboard(assessment, tmp_path / folder, name="main") for folder in "ab"
    )

    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.usefixtures("undrawn")
def test_page_needs_no_other_file(assessment, parse_page, tmp_path):
    write_leaderboard(assessment, tmp_path, name="main", command="skin ensemble a --name main")
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    page = parse_page(html)

    assert not page.open
    sources = [
        value for _, attrs in page.tags for key, value in attrs.items() if key in {"src", "srcset"}
    ]
    assert len(sources) == 2 * 9
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert not re.search(r"https?://|@import|<script|<link", html)
    assert page.text.count("chosen") >= 3
    assert "skin ensemble a --name main" in page.text
    assert "Ensemble main · isic2018" in page.text
    assert "<small>corrected for the class shares</small>" in html
    assert wording.steps(assessment) in page.text
    assert wording.rules(assessment) in page.text


@pytest.mark.usefixtures("undrawn")
def test_every_figure_has_a_caption(assessment, tmp_path):
    write_leaderboard(assessment, tmp_path, name="main")
    html = (tmp_path / "index.html").read_text(encoding="utf-8")

    assert len(re.findall(r"<figcaption>[^<]{40,}</figcaption>", html)) == html.count("<figure>")


@pytest.mark.usefixtures("undrawn")
def test_page_shows_names_as_they_are(awkward, parse_page, tmp_path):
    write_leaderboard(awkward, tmp_path, name="<i>", command="a && b <c>")
    page = parse_page((tmp_path / "index.html").read_text(encoding="utf-8"))

    for name in (*awkward.names, "Ensemble <i>", "a && b <c>"):
        assert name in page.text
    assert not {"b", "i", "c"} & {tag for tag, _ in page.tags}


@pytest.mark.usefixtures("undrawn")
def test_one_run_leaves_no_figures_of_an_earlier_ensemble(assessment, alone, parse_page, tmp_path):
    write_leaderboard(assessment, tmp_path, name="main")

    written = write_leaderboard(alone, tmp_path, name="main")

    assert names(tmp_path) == sorted(path.name for path in written) == TABLES
    page = parse_page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "Members" not in page.text
    assert "Made by" not in page.text


@pytest.mark.usefixtures("undrawn")
def test_all_files_or_none(assessment, alone, tmp_path, monkeypatch):
    write_leaderboard(assessment, tmp_path, name="before")
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    write = Path.write_bytes

    def full(path, data) -> int:
        if path.name.startswith(".rules.csv"):
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SkinError, match=r"rules\.csv: No space left"):
        write_leaderboard(alone, tmp_path, name="after")

    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


@pytest.mark.usefixtures("undrawn")
def test_a_file_in_the_way(assessment, tmp_path):
    (tmp_path / "main").write_text("mine")

    with pytest.raises(SkinError, match="main is a file"):
        write_leaderboard(assessment, tmp_path / "main", name="main")

    assert (tmp_path / "main").read_text() == "mine"
