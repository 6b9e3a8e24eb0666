"""`skin data download`: a command for each published dataset."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from skin.cli.data.layouts import COMMANDS

download_app = typer.Typer(
    help="Fetch a dataset from its original host, resumed and checked.", no_args_is_help=True
)

Folder = Annotated[Path, typer.Argument(help="Where to put the files.", show_default=False)]
Accept = Annotated[
    bool, typer.Option("--accept-licence", help="You have read the licence and accept it.")
]
Server = Annotated[
    str | None, typer.Option(help="Another host that holds the same files, as https://example.org.")
]


class Part(StrEnum):
    """Which of a challenge's splits to fetch."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    ALL = "all"


# What each challenge gives, for its command's help.
_CHALLENGES: Final = {
    "isic2017": "part 3: 2,000 images (5.8 GB), 150 to validate (0.9 GB), 600 to test (5.4 GB)",
    "isic2018": "task 3: 10,015 images (2.6 GB), 193 to validate (51 MB), 1,512 to test (0.4 GB)",
    "isic2019": "25,331 images (9.1 GB), 8,238 to test (3.6 GB)",
    "isic2020": "33,126 images (23 GB), 10,982 to test (6.7 GB)",
    "isic2024": "401,059 crops of SLICE-3D (1.2 GB)",
}


@download_app.command("ham10000")
def download_ham10000(
    folder: Folder, accept_licence: Accept = False, server: Server = None
) -> None:
    """Fetch HAM10000 from the Harvard Dataverse, 2.8 GB, checksummed.

    Stopped, it goes on where it was under the same command.

    Examples:
      skin data download ham10000 downloads/ham10000 --accept-licence
    """
    from skin.data.hosts.dataverse import SERVER, ham10000_files
    from skin.data.hosts.download import download

    _show_terms("ham10000", accept_licence)
    download("ham10000", lambda: ham10000_files(server or SERVER), folder)
    _tell_next("ham10000", folder)


@download_app.command("pad-ufes-20")
def download_pad_ufes(
    folder: Folder, accept_licence: Accept = False, server: Server = None
) -> None:
    """Fetch PAD-UFES-20 from Mendeley Data, 3.6 GB, checksummed.

    Stopped, it goes on where it was under the same command.

    Examples:
      skin data download pad-ufes-20 downloads/pad-ufes-20 --accept-licence
    """
    from skin.data.hosts.download import download
    from skin.data.hosts.mendeley import SERVER, pad_ufes_files

    _show_terms("pad_ufes", accept_licence)
    download("pad_ufes", lambda: pad_ufes_files(server or SERVER), folder)
    _tell_next("pad_ufes", folder)


def _challenge_command(challenge: str) -> Callable[..., None]:
    def fetch(
        folder: Folder,
        split: Annotated[Part, typer.Option(help="Which images.")] = Part.TRAIN,
        accept_licence: Accept = False,
        server: Server = None,
    ) -> None:
        from skin.data.hosts.challenges import SERVER, challenge_files, choose_splits
        from skin.data.hosts.download import download

        splits = choose_splits(challenge, split)
        files = challenge_files(challenge, splits, server or SERVER)
        _show_terms(challenge, accept_licence)
        download(f"{challenge} {split}", lambda: files, folder)
        for each in splits:
            _tell_next(challenge, folder, "" if each == "train" else f" --split {each}")

    return fetch


for _name, _what in _CHALLENGES.items():
    download_app.command(
        _name,
        help=f"""Fetch ISIC {_name.removeprefix("isic")} from the ISIC challenge's host.

        There are: {_what}. No checksums are published: sizes, and the zips' own, are checked.
        Stopped, it goes on where it was under the same command.

        Examples:
          skin data download {_name} downloads/{_name} --accept-licence
        """,
    )(_challenge_command(_name))


@download_app.command("isic-archive")
def download_isic_archive(
    folder: Folder,
    collections: Annotated[
        list[int] | None,
        typer.Option(help="A collection's id (`isic collection list`); repeatable."),
    ] = None,
    search: Annotated[
        str, typer.Option(help="In the archive's query language, as sex:male.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many images; 0 for all.")] = 0,
    accept_licence: Accept = False,
) -> None:
    """Fetch images of the ISIC Archive with its own client (the extra `isic`).

    Each image has its own licence, which metadata.csv names.

    Examples:
      skin data download isic-archive downloads/bcn --collections 249 --accept-licence

      skin data download isic-archive downloads/sk --accept-licence
      --search 'diagnosis_3:"Seborrheic keratosis" AND image_type:dermoscopic'
    """
    from skin.console import out
    from skin.data.hosts.isic_archive import Query, download_archive

    _show_terms("isic_archive", accept_licence)
    licences = download_archive(Query(tuple(collections or ()), search, limit), folder)
    counts = ", ".join(f"{licence} {count:,}" for licence, count in licences.items())
    out.print(f"images by licence: {counts}", markup=False, soft_wrap=True)
    _tell_next("isic_archive", folder)


@download_app.command("derm7pt")
def download_derm7pt(folder: Folder) -> None:
    """Say how to get Derm7pt, which its host gives to those who register.

    Examples:
      skin data download derm7pt downloads/derm7pt
    """
    from skin.data.sources.terms import TERMS
    from skin.errors import SkinError

    _show_terms("derm7pt", accepted=True)
    raise SkinError(
        f"derm7pt cannot be fetched by a command: make an account at {TERMS['derm7pt'].url}, "
        f"fetch release_v0.zip there into {folder}, and run `skin data add derm7pt {folder}`"
    )


def _show_terms(dataset: str, accepted: bool) -> None:
    """Show licence and citation, and go on only if they are accepted."""
    from skin.console import out
    from skin.data.hosts.download import require_accepted
    from skin.data.sources.terms import TERMS

    terms = TERMS[dataset]
    text = f" ({terms.legal_code})" if terms.legal_code else ""
    out.print(f"{terms.title}: {terms.url}", markup=False, soft_wrap=True)
    out.print(f"licence: {terms.licence}{text}", markup=False, soft_wrap=True)
    out.print(f"cite: {terms.citation}", markup=False, soft_wrap=True)
    require_accepted(dataset, accepted=accepted)


def _tell_next(dataset: str, folder: Path, options: str = "") -> None:
    import shlex

    from skin.console import out

    command = f"skin data add {COMMANDS[dataset]} {shlex.quote(str(folder))}"
    out.print(f"next: {command}{options}", markup=False, soft_wrap=True)
