"""Downloading a dataset: its files, its terms beside them, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from skin.console import note
from skin.data.hosts.fetch import PAUSE, fetch_all
from skin.data.hosts.record import Record
from skin.data.hosts.remote import RemoteFile
from skin.data.sources.terms import TERMS, Terms
from skin.errors import SkinError
from skin.files import locked, write_text

LICENCE_FILE = "LICENCE.txt"
CITATION_FILE = "CITATION.txt"


def require_accepted(dataset: str, *, accepted: bool) -> None:
    """Refuse to go on without the user's word.

    Raises:
        SkinError: the licence was not accepted.
    """
    if not accepted:
        raise SkinError(
            f"pass --accept-licence if you have read the terms of {TERMS[dataset].title} "
            "and accept them"
        )


def download(
    part: str,
    list_files: Callable[[], Sequence[RemoteFile]],
    folder: Path,
    *,
    pause: float = PAUSE,
) -> None:
    """Fetch what is not there yet, and keep the terms and `downloads.json` beside it.

    A part that is whole is verified by our own hashes; its host is not asked, unless of some file
    nothing but the size was known.

    Args:
        part: the dataset by its key in `TERMS`, and which of it, as `isic2018 train`.
        list_files: gives the part's files; it may ask the host.
        folder: where to put them.
        pause: seconds before a failed request is repeated, doubled each time.

    Raises:
        SkinError: another process writes there, the disk is too small, the host refuses or keeps
            failing, or a file is not what its host says.
    """
    with locked(folder, "downloaded into"):
        record = Record.load(folder)
        there = record.whole(part, folder)
        if there:
            note(f"{', '.join(there)}: there already, as fetched")
        else:
            files = list_files()
            fetch_all(files, folder, record, pause=pause)
            record.parts[part] = [file.name for file in files]
            record.save(folder)
        write_terms(folder, record.datasets)


def write_terms(folder: Path, datasets: Iterable[str]) -> None:
    """Write the licences and citations of the datasets that lie in a folder beside them."""
    terms = [TERMS[dataset] for dataset in datasets]
    write_text(folder / LICENCE_FILE, "\n".join(map(_licence_text, terms)))
    write_text(folder / CITATION_FILE, "\n".join(f"{t.title}\n{t.citation}\n" for t in terms))


def _licence_text(terms: Terms) -> str:
    lines = [terms.title, f"licence: {terms.licence}", terms.legal_code, f"source: {terms.url}"]
    return "".join(f"{line}\n" for line in lines if line)
