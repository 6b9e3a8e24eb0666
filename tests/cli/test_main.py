from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import typer

from skin import __version__, cli
from skin.errors import SkinError

Skin = Callable[..., Any]
HEAVY = {"torch", "timm", "pandas", "cv2", "sklearn", "scipy", "matplotlib", "albumentations"}


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], check=False, capture_output=True, text=True, env=os.environ
    )


def commands() -> list[tuple[str, ...]]:
    """The words of every command, those of groups included."""

    def below(command: object, words: tuple[str, ...]) -> list[tuple[str, ...]]:
        inner = getattr(command, "commands", None)
        if not inner:
            return [words]
        return [each for name in sorted(inner) for each in below(inner[name], (*words, name))]

    return below(typer.main.get_command(cli.app), ())


def test_the_commands_are_there():
    found = {" ".join(words) for words in commands()}
    assert {"train", "ensemble", "predict", "score", "report", "data add ham10000"} <= found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_commands_help_has_examples(skin: Skin, words: tuple[str, ...]):
    result = skin(*words, "--help")
    assert result.code == 0
    assert f"skin {' '.join(words)}" in result.out.partition("Examples")[2]


@pytest.mark.parametrize(
    "words", [("--help",), ("train", "--help"), ("predict", "--help"), ("--version",)]
)
def test_help_imports_nothing_heavy(words: tuple[str, ...]):
    """What makes `skin --help` slow is what it imports."""
    program = (
        "import sys; sys.argv = ['skin', *sys.argv[1:]]\n"
        "from skin.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print('IMPORTED', *sys.modules)"
    )
    done = python("-c", program, *words)
    assert done.returncode == 0
    imported = set(done.stdout.partition("IMPORTED")[2].split())
    assert "skin.cli" in imported
    assert not HEAVY & imported


def test_version(skin: Skin):
    assert skin("--version").out == __version__


def test_the_module_runs_as_a_command():
    done = python("-m", "skin", "--version")
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


def test_a_mistake_is_one_message_and_exit_code_2(skin: Skin, monkeypatch: pytest.MonkeyPatch):
    def mistaken() -> None:
        raise SkinError("the file [red]x[/red].csv is missing")

    monkeypatch.setattr(cli, "app", mistaken)
    result = skin()
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: the file [red]x[/red].csv is missing"


@pytest.mark.parametrize("words", [("trian",), ("train", "--fould", "0"), ("predict",)])
def test_words_that_are_no_command_exit_with_2(skin: Skin, words: tuple[str, ...]):
    result = skin(*words)
    assert result.code == 2
    assert "Traceback" not in result.err
