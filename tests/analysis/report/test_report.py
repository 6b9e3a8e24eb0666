from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from skin.analysis import drawing
from skin.analysis.report import render, write_report
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import Comparison, compare
from skin.analysis.report.per_class import per_class_table
from skin.analysis.report.tables import comparison_table, fold_table, markdown, rich_tables
from skin.errors import SkinError

FILES = ["comparison.csv", "comparison.md", "folds.csv", "index.html", "per_class.csv"]
PREDICTIONS_ALONE = [
    "leaderboard",
    "challenge",
    "classes",
    "curves",
    "malignancy",
    "confusion",
    "calibration",
    "thresholds",
    "training",
    "costs",
    "protocol",
]
BLANK = b'<svg width="1pt" viewBox="0 0 1 1"></svg>'


@pytest.fixture
def comparison(workspace):
    """Compare all that the test wrote, without drawing it."""
    return lambda: compare(collect([], *workspace.folders), resamples=100)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the figures empty, as drawing is most of a report's time."""
    monkeypatch.setattr(drawing, "_draw", lambda *_, **__: BLANK)


@pytest.fixture
def quick(monkeypatch):
    """Leave out the sections that need more than predictions: they have tests of their own."""
    kept = [it for it in render.SECTIONS if it.__name__.rpartition(".")[2] in PREDICTIONS_ALONE]
    monkeypatch.setattr(render, "SECTIONS", kept)


@pytest.fixture
def report(workspace):
    def write(folder="reports/x") -> tuple[Path, Comparison]:
        entries = collect([], *workspace.folders)
        comparison = write_report(entries, workspace.root / folder, resamples=100)
        return workspace.root / folder, comparison

    return write


def files(folder) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.mark.usefixtures("undrawn")
def test_writes_its_files_alike_each_time(workspace, report):
    workspace.run("plain")
    workspace.run("se", skill=3.0)

    first, _ = report("reports/one")
    second, _ = report("reports/two")

    written = files(first)
    assert written == files(second)
    assert [name for name in written if "/" not in name] == FILES
    tables = {name.partition("/")[2].rpartition(".")[0] for name in written if "/" in name}
    assert tables >= {"leaderboard", "recall", "classes-se", "confusion-plain", "malignancy"}
    assert tables >= {
        "challenges",
        "calibration",
        "official",
        "official-se",
        "costs",
        "protocol",
        "over-folds",
    }
    for name in tables:
        assert {f"tables/{name}.{suffix}" for suffix in ("csv", "md", "tex")} <= set(written)


@pytest.mark.usefixtures("undrawn", "quick")
def test_figures_for_papers(workspace):
    workspace.run("plain")
    entries = collect([], *workspace.folders)

    write_report(entries, workspace.root / "x", resamples=100, figures=["pdf"])

    drawn = {path.stem for path in (workspace.root / "x" / "figures").glob("*.pdf")}
    assert drawn >= {"bacc", "folds", "recall", "roc-classes", "pr-classes", "roc-malignant"}
    assert drawn >= {"pr-malignant", "reliability", "learning-bacc-plain", "class-counts"}


def test_an_unknown_format_is_refused_first(tmp_path):
    with pytest.raises(SkinError, match="unknown format of figures 'jpg'"):
        write_report([], tmp_path, figures=["jpg"])


def test_comparison_table(workspace, comparison):
    workspace.run("plain", tta="dihedral")
    workspace.run("se", skill=3.0)
    workspace.ensemble("mean", skill=4.0)

    result = comparison()
    table = comparison_table(result).set_index("run")

    assert table.index.tolist() == ["mean", "se", "plain"]
    plain = table.loc["plain"]
    assert plain["bacc"] == pytest.approx(result.rows[2].scores.bacc)
    assert plain["bacc_low"] < plain["bacc"] < plain["bacc_high"]
    assert plain["bacc_difference"] == pytest.approx(plain["bacc"] - table.loc["mean", "bacc"])
    assert plain[[f"recall_{c}" for c in result.task.codes]].mean() == pytest.approx(plain["bacc"])
    assert plain[["folds", "images", "lesions"]].tolist() == [3, 240, 180]
    assert (plain["tta"], plain["parameters"], plain["seconds"]) == ("dihedral", 4_012_672, 184.5)
    assert plain["images_per_s"] == 310
    assert plain["bacc_difference_to"] == "mean"
    assert plain["macro_precision"] == pytest.approx(result.rows[2].scores.macro_precision)
    assert plain["macro_specificity_mean"] == pytest.approx(
        sum(scores.macro_specificity for scores in result.rows[2].folds.values()) / 3
    )
    unknown = ["bacc_difference", "bacc_difference_to", "seconds", "parameters", "images_per_s"]
    assert table.loc["mean", unknown].isna().all()
    assert table["ranked"].all()


def test_fold_table(workspace, comparison):
    workspace.run("plain")
    workspace.ensemble("mean", skill=4.0)

    result = comparison()
    table = fold_table(result)

    assert table["run"].tolist() == ["mean"] * 3 + ["plain"] * 3
    assert table["fold"].tolist() == [0, 1, 2] * 2
    assert table.groupby("run")["images"].sum().tolist() == [240, 240]
    assert table.loc[4, "bacc"] == pytest.approx(result.rows[1].folds[1].bacc)
    assert table.loc[4, ["best_epoch", "seconds", "images_per_s"]].tolist() == [6, 61.5, 310]
    assert table.loc[0, ["best_epoch", "seconds"]].isna().all()


def test_per_class_table(workspace, comparison):
    workspace.run("plain")
    workspace.run("leaky", skill=9.0, leaking=True)

    result = comparison()
    table = per_class_table(result)

    assert table["run"].tolist() == ["plain"] * 7 + ["leaky"] * 7
    assert table["class"].tolist() == list(result.task.codes) * 2
    plain = table[table["run"] == "plain"].set_index("class")
    assert plain["recall"].mean() == pytest.approx(result.best.scores.bacc)
    assert plain["precision"].mean() == pytest.approx(result.best.scores.macro_precision)
    assert plain["auc"].mean() == pytest.approx(result.best.scores.macro_auc)
    assert plain.loc["BCC", "specificity"] == result.best.scores.specificity[2]
    assert plain.loc["BCC", "f1"] == result.best.scores.f1[2]
    assert plain["support"].sum() == 240


@pytest.mark.usefixtures("undrawn", "quick")
def test_leaking_runs_are_marked_in_every_table(workspace, report):
    workspace.run("plain")
    workspace.run("leaky", skill=9.0, leaking=True)

    folder, comparison = report()

    for name in ("comparison.csv", "folds.csv", "per_class.csv"):
        marks = pd.read_csv(folder / name, keep_default_na=False).groupby("run")["marks"].unique()
        assert marks["leaky"].tolist() == ["leaking"]
        assert marks["plain"].tolist() == [""]
    text = (folder / "comparison.md").read_text()
    assert text.count("leaky") == text.count("leaky (leaking)") == 5
    html = (folder / "index.html").read_text()
    shown = re.findall(r'<th scope="row">leaky(.*?)</th>', html)
    assert len(shown) >= 6  # leaderboard, folds, recall, malignancy, calibration, official, …
    assert all(marks.startswith(" <mark>leaking</mark>") for marks in shown)
    titles = re.findall(r"<b>leaky(.*?)</b>|<h3>leaky(.*?)</h3>", html)
    assert len(titles) >= 4  # classification report, confusion, official figures, curves
    assert {one or other for one, other in titles} == {" (leaking)"}
    assert "Leaking: a lesion was on both sides of a fold" in html
    console = Console(width=80, file=StringIO())
    for table in rich_tables(comparison):
        console.print(table)
    assert console.file.getvalue().count("leaky (leaking)") == 3


@pytest.mark.usefixtures("undrawn", "quick")
def test_page_names_the_baseline(workspace):
    workspace.run("plain", skill=1.0)
    workspace.run("se", skill=3.0)

    entries = collect([], *workspace.folders)
    write_report(entries, workspace.root / "x", baseline="plain", resamples=100)

    html = (workspace.root / "x" / "index.html").read_text()
    assert "Difference to plain" in html
    assert '<span class="quiet">baseline</span>' in html
    assert "Difference to plain (95 %)" in (workspace.root / "x" / "comparison.md").read_text()
    table = pd.read_csv(workspace.root / "x" / "comparison.csv").set_index("run")
    assert table.loc["se", "bacc_difference_to"] == "plain"
    assert table.loc["se", "bacc_difference"] > 0


@pytest.mark.usefixtures("undrawn", "quick")
def test_page_needs_no_other_file_and_describes_its_figures(workspace, report, parse_page):
    workspace.run("plain")
    workspace.run("se", skill=3.0)

    folder, _ = report()
    html = (folder / "index.html").read_text()
    page = parse_page(html)

    assert page.open == []
    figures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(figures) >= 1 + 2 + 1 + 2 + 4 + 2 + 1 + 4 + 1 + 1
    assert all(figure["aria-label"] for figure in figures)
    assert not {"link", "iframe"} & {tag for tag, _ in page.tags}
    assert not re.search(r"https?://|@import", html)


@pytest.mark.usefixtures("undrawn", "quick")
def test_first_screen_says_which_is_best_how_sure_and_where_it_fails(workspace, report):
    workspace.run("weak", skill=1.0)
    workspace.run("good", skill=3.0)

    folder, comparison = report()
    html = (folder / "index.html").read_text()
    header = html[html.index("<header") : html.index("</header>")]

    best = comparison.best.scores
    worst = min(range(7), key=lambda i: best.recall[i])
    assert "good is best: balanced accuracy" in header
    assert f"({comparison.task.codes[worst]}), recall {best.recall[worst]:.3f} (" in header
    assert re.search(r"good is best in \d of 3 folds; BACC 0\.\d+ to 0\.\d+", header)
    assert re.search(r"Most often confused: of \d+ images of [a-z ]+, \d+", header)
    assert re.search(
        r"good finds 0\.\d+ \(.*\) of the malignant images at specificity 0\.90", header
    )
    assert header.count("<svg") == 1


@pytest.mark.usefixtures("undrawn", "quick")
def test_rows_chosen_on_their_own_images_are_marked_calmly(workspace, report):
    workspace.run("plain")
    workspace.run("se", skill=3.0, chosen_on_held_out=False)

    folder, _ = report()

    html = (folder / "index.html").read_text()
    mark = '<mark class="calm">epoch chosen on these images</mark>'
    assert html.count(mark) == 1
    assert f"plain {mark}" in html
    table = pd.read_csv(folder / "comparison.csv").set_index("run")["chosen_on_held_out"]
    assert table.to_dict() == {"se": False, "plain": True}


@pytest.mark.usefixtures("undrawn", "quick")
def test_page_says_what_a_reader_must_know(workspace, report, parse_page):
    workspace.run("plain")
    workspace.run("leaky", skill=9.0, leaking=True)

    folder, comparison = report()
    page = parse_page((folder / "index.html").read_text())
    text = re.sub(r"\s+", " ", page.text)

    assert "plain reaches balanced accuracy" in text
    assert "240 images of 180 lesions, 3 folds." in text
    assert "Plain argmax." in text
    assert "The best checkpoint of each fold was chosen on that same held-out fold" in text
    assert "leaky leaking" in text
    assert "Rows marked leaking are the exception: a lesion was on both sides of a fold" in text
    for row in comparison.rows:
        assert f"{row.scores.bacc:.3f}" in text
        assert f"{row.scores.confusion[1, 1]:,}" in text


@pytest.mark.usefixtures("undrawn", "quick")
def test_names_are_escaped(workspace, report):
    workspace.run("<b>a&b|c")

    folder, _ = report()

    html = (folder / "index.html").read_text()
    assert "<b>a&" not in html
    assert "&lt;b&gt;a&amp;b|c" in html
    assert r"b\textgreater{}a\&b\textbar{}c" in (folder / "tables/leaderboard.tex").read_text()
    assert r"| <b>a&b\|c |" in (folder / "comparison.md").read_text()


@pytest.mark.usefixtures("undrawn", "quick")
def test_ties_get_a_column_of_their_own(workspace, report):
    folder = workspace.run("plain")
    path = folder / "fold0" / "oof.csv"
    table = pd.read_csv(path)
    table[[column for column in table if column.startswith("prob_")]] = 1 / 7
    table.to_csv(path, index=False)

    written, comparison = report()

    assert comparison.best.scores.confusion[:, -1].sum() == len(table)
    assert '<th scope="col">tied</th>' in (written / "index.html").read_text()


def test_markdown_tables_are_even(workspace, comparison):
    workspace.run("plain")
    workspace.run("se", skill=3.0)

    text = markdown(comparison())

    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert len(tables) == 4 + 2
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
    lines = [len(table.splitlines()) for table in tables]
    assert lines == [4] * 4 + [2 + 7 + 1] * 2  # one a run; seven classes and their mean


def test_terminal_tables_fit_eighty_columns(workspace, comparison):
    workspace.run("[red]resnet50_cbam_hierarchical_head", tta="dihedral")
    workspace.run("se", skill=3.0)
    console = Console(width=80, file=StringIO())
    for table in rich_tables(comparison()):
        console.print(table)

    text = console.file.getvalue()
    assert "…" not in text
    assert "[red]resnet50" in text
    assert max(map(len, text.splitlines())) <= 80


def test_folder_that_is_a_file_is_refused_first(tmp_path):
    path = tmp_path / "x"
    path.touch()

    with pytest.raises(SkinError, match="is a file"):
        write_report([], path)
