from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from skin.cli.data.layouts import COMMANDS
from skin.cli.data.synthetic import synthetic
from skin.data.synthetic.published import LAYOUTS
from skin.errors import SkinError

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer()
app.command()(synthetic)


def test_says_what_it_wrote(tmp_path: Path):
    out = tmp_path / "source"
    arguments = [str(out), "--lesions", "21", "--test", "7", "--seed", "4", "--width", "32"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "of 21 lesions (nv 3, bkl 3, mel 3, bcc 3, akiec 3, vasc 3, df 3)" in result.stdout
    assert f"and 7 test images in {out}" in result.stdout
    assert len(list((out / "ISIC2018_Task3_Test_Input").iterdir())) == 7


def test_a_published_layout(tmp_path: Path):
    out = tmp_path / "published"
    arguments = [str(out), "--layout", "isic2017", "--lesions", "21", "--width", "32"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert f"isic2017 of 21 lesions in {out}:" in result.stdout
    assert "ISIC-2017_Training_Part3_GroundTruth.csv" in result.stdout
    with zipfile.ZipFile(out / "ISIC-2017_Training_Data.zip") as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".jpg")]
        with archive.open(names[0]) as file:
            assert Image.open(file).size == (32, 32)
    assert len(names) == 22


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layout", "isic217"], "unknown --layout 'isic217': did you mean 'isic2017'"),
        (["--layout", "isic-archive", "--lesions", "26"], "26 lesions are too few: take 27 or"),
        (["--lesions", "20"], "21"),
        (["--layout", "isic2017", "--test", "5"], "--test is of the layout ham10000"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, arguments: list[str], message: str):
    result = CliRunner().invoke(app, [str(tmp_path / "out"), *arguments])
    assert isinstance(result.exception, SkinError)
    assert message in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_help_names_every_layout():
    text = " ".join(CliRunner().invoke(app, ["--help"]).stdout.replace("│", " ").split())
    assert set(COMMANDS) == set(LAYOUTS)
    assert all(command in text for command in COMMANDS.values())


@pytest.mark.parametrize("name", ["pad-ufes-20", "pad_ufes"])
def test_a_layout_goes_by_its_command_and_by_its_reader(tmp_path: Path, name: str):
    arguments = [str(tmp_path / "out"), "--layout", name, "--lesions", "18", "--width", "32"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert (tmp_path / "out" / "metadata.csv").is_file()


@pytest.mark.parametrize("option", [["--lesions", "0"], ["--seed", "-1"], ["--width", "8"]])
def test_a_number_out_of_range_exits_with_2(tmp_path: Path, option: list[str]):
    result = CliRunner().invoke(app, [str(tmp_path / "source"), *option])
    assert result.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_is_the_users_mistake(tmp_path: Path):
    (tmp_path / "mine").touch()
    result = CliRunner().invoke(app, [str(tmp_path)])
    assert isinstance(result.exception, SkinError)


def test_help_ends_with_examples():
    text = CliRunner().invoke(app, ["--help"]).stdout
    assert "skin data synthetic source --lesions 300 --test 60" in text
