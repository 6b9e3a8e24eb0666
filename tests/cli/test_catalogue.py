from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from skin.cli.data.catalogue import info, list_datasets
from skin.data.catalogue import description
from skin.errors import SkinError

app = typer.Typer()
app.command("list")(list_datasets)
app.command("info")(info)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Run a command of the catalogue, and give what it printed."""

    def call(*words: str) -> tuple[str, str]:
        app(list(words), standalone_mode=False)
        said = capsys.readouterr()
        return said.out, said.err

    return call


@pytest.mark.usefixtures("workspace")
def test_the_list_has_a_line_a_dataset(run):
    header, line = run("list")[0].splitlines()
    assert header.split() == [
        *("dataset", "split", "images", "lesions", "patients"),
        *("dx", "folds", "sides", "GB", "licence", "hash"),
    ]
    assert line.split()[:2] == ["toy", "train"]
    assert line.split()[3:8] == ["42", "-", "7", "1", "40"]


def test_a_damaged_dataset_is_a_warning(run, workspace: Path):
    (workspace / "data" / "toy" / "dataset.csv").write_text("image_id\n")
    out, err = run("list")
    assert out.splitlines()[1].split() == ["toy", "damaged"]
    assert "warning: toy: data/toy/dataset.csv is not the table that" in " ".join(err.split())


def test_lists_for_programs(run, workspace: Path):
    (workspace / "data" / "broken").mkdir()
    (workspace / "data" / "broken" / "dataset.json").write_text("{}")
    broken, toy = json.loads(run("list", "--format", "json")[0])
    assert broken["name"] == "broken"
    assert "error" in broken
    assert toy["lesions"] == 42
    assert toy["folds"] == ["k2-seed0"]


def test_nothing_there_is_no_error(run, tmp_path: Path):
    words = ("list", "--data-dir", str(tmp_path / "none"))
    assert "no dataset under" in run(*words)[1]
    assert json.loads(run(*words, "--format", "json")[0]) == []


@pytest.mark.usefixtures("workspace")
def test_a_dataset_is_told_in_tables(run):
    out = run("info", "toy")[0]
    for word in ("CC BY-NC 4.0", "diagnoses", "k2-seed0", "isic2018", "isic2019", "source"):
        assert word in out
    said = json.loads(run("info", "--format", "json")[0])
    assert said["summary"]["lesions"] == 42
    assert {use["task"] for use in said["tasks"]} >= {"isic2018", "melanoma"}


@pytest.mark.usefixtures("workspace")
def test_markup_in_what_was_published_is_text(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(description, "_unmapped", lambda _: {"naevus [bold]": 3})
    assert "naevus [bold] (3)" in " ".join(run("info")[0].split())


@pytest.mark.usefixtures("workspace")
def test_an_unknown_dataset_is_told():
    with pytest.raises(SkinError, match=r"no dataset 'toi' under data: did you mean 'toy'"):
        app(["info", "toi"], standalone_mode=False)
