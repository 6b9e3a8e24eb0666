"""The `skin` command: parse, call one function, print.

Modules that need torch or pandas are imported inside the commands, so that `--help` is quick.
"""

from __future__ import annotations

import sys

import typer

from skin import __version__
from skin.cli.data import data_app
from skin.cli.ensemble import ensemble
from skin.cli.explain import explain
from skin.cli.predict import predict
from skin.cli.probe import probe_app
from skin.cli.report import report
from skin.cli.score import score
from skin.cli.train import train
from skin.cli.tune import tune
from skin.console import fail
from skin.errors import SkinError

app = typer.Typer(
    name="skin",
    help="Skin-lesion classification for the ISIC challenges.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Skin-lesion classification for the ISIC challenges."""


app.add_typer(data_app, name="data")
app.add_typer(probe_app, name="probe")
for _command in (train, tune, ensemble, predict, explain, score, report):
    app.command()(_command)


def main() -> None:
    """Run the command line; a user's mistake is one message and exit code 2."""
    try:
        app()
    except SkinError as error:
        fail(str(error))
        sys.exit(2)
