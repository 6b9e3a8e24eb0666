"""Fetching large files over HTTP: resumed where they broke off, checked against a checksum."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from skin import __version__
from skin.console import err, note
from skin.errors import SkinError

_CHUNK = 1 << 20
_TIMEOUT = 60.0  # seconds without a byte
_ATTEMPTS = 5  # in a row that bring nothing new
_PAUSE = 2.0  # seconds before the second attempt; doubled at each further one

# What a connection that breaks raises.
_BROKEN = (OSError, http.client.HTTPException)
_RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch.

    Attributes:
        name: to store it under.
        url: where it is.
        size: bytes.
        md5: its checksum, in hex, as its host publishes it.
    """

    name: str
    url: str
    size: int
    md5: str


def open_url(url: str, *, start: int = 0) -> http.client.HTTPResponse:
    """Ask for a URL's content, from byte `start` on where the server can.

    Raises:
        SkinError: the URL is not of the web.
        OSError: the server cannot be reached or refuses.
    """
    if not url.startswith(("https://", "http://")):
        raise SkinError(f"{url} is not a web address")
    headers = {"User-Agent": f"skin/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked above
    response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310 - checked above
        request, timeout=_TIMEOUT
    )
    return response


def fetch_all(files: Sequence[RemoteFile], folder: Path, *, pause: float = _PAUSE) -> None:
    """Fetch files into a folder; those that are there already, whole, are left alone.

    A file grows as `<name>.part` and gets its name once its checksum is right, so that a fetch
    that was stopped goes on where it was.

    Args:
        files: to fetch.
        folder: where to put them.
        pause: seconds before a failed request is repeated, doubled each time.

    Raises:
        SkinError: the disk is too small, the server refuses or keeps failing, or a file's
            checksum is wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [file for file in files if not _is_there(file, folder / file.name)]
    _check_space(wanted, folder)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as bar:
        for file in wanted:
            task = bar.add_task(file.name, total=file.size)
            part = _part(folder / file.name)
            _fetch(file, part, pause, partial(_tell, bar, task))
            _verify(file, part)
            part.replace(folder / file.name)


def _tell(bar: Progress, task: TaskID, done: int) -> None:
    bar.update(task, completed=done)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _is_there(file: RemoteFile, path: Path) -> bool:
    if not path.exists() or path.stat().st_size != file.size or _md5(path) != file.md5:
        return False
    note(f"{path} is there already")
    return True


def _check_space(files: Sequence[RemoteFile], folder: Path) -> None:
    parts = [_part(folder / file.name) for file in files]
    have = sum(part.stat().st_size for part in parts if part.exists())
    needed = sum(file.size for file in files) - have
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SkinError(
            f"{folder} has {free / 1e9:.1f} GB left, {needed / 1e9:.1f} GB are needed; "
            "choose a folder on another disk"
        )


def _fetch(file: RemoteFile, part: Path, pause: float, tell: Callable[[int], None]) -> None:
    """Append to `part` until it has the file's size, over as many requests as it takes."""
    failures = most = 0
    while (have := _size(part)) < file.size:
        most = max(most, have)
        try:
            _append(file, part, have, tell)
            problem = "the connection ended early"
        except urllib.error.HTTPError as error:
            problem = f"the server says {error.code} {error.reason}"
            if error.code not in _RETRIED_STATUS:
                raise SkinError(f"cannot fetch {file.name} from {file.url}: {problem}") from error
        except _BROKEN as error:
            problem = str(error) or type(error).__name__
        failures = 0 if _size(part) > most else failures + 1
        if failures == _ATTEMPTS:
            raise SkinError(
                f"cannot fetch {file.name} from {file.url}: {problem}; "
                "run the same command again to go on from here"
            )
        if failures:
            time.sleep(pause * 2 ** (failures - 1))


def _append(file: RemoteFile, part: Path, have: int, tell: Callable[[int], None]) -> None:
    with open_url(file.url, start=have) as response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise http.client.HTTPException("the server sent another part than was asked for")
        with part.open("ab" if resumed else "wb") as out:
            while chunk := response.read(_CHUNK):
                out.write(chunk)
                tell(out.tell())


def _verify(file: RemoteFile, part: Path) -> None:
    found = _md5(part)
    if found != file.md5:
        part.unlink()
        raise SkinError(
            f"{file.name} arrived damaged (MD5 {found}, its host says {file.md5}) and was "
            "thrown away; run the same command again"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
