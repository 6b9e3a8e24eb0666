"""`skin data download`: a command for each original host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

download_app = typer.Typer(help="Fetch a dataset from its original host.", no_args_is_help=True)


@download_app.command("ham10000")
def download_ham10000(
    folder: Annotated[
        Path, typer.Argument(help="Where to put the files, 2.8 GB.", show_default=False)
    ],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You have read the licence and accept it.")
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(help="Another Dataverse that holds it, as https://example.org."),
    ] = None,
) -> None:
    """Fetch HAM10000 from the Harvard Dataverse, checksummed.

    Stopped, it goes on where it was under the same command.

    Examples:
      skin data download ham10000 downloads/ham10000 --accept-licence
    """
    from skin.console import out
    from skin.data.dataverse import SERVER, ham10000_files
    from skin.data.download import fetch_all
    from skin.data.sources.ham10000 import CITATION, LICENCE
    from skin.errors import SkinError

    out.print(f"licence: {LICENCE}, non-commercial use with attribution", soft_wrap=True)
    out.print(f"cite: {CITATION}", soft_wrap=True)
    if not accept_licence:
        raise SkinError("pass --accept-licence if you accept these terms")
    fetch_all(ham10000_files(server or SERVER), folder)
    out.print(f"next: skin data add ham10000 {folder}", markup=False, soft_wrap=True)
