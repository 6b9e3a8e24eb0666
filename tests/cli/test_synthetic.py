from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from skin.cli.synthetic import synthetic
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


@pytest.mark.parametrize("option", [["--lesions", "20"], ["--seed", "-1"], ["--width", "8"]])
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
