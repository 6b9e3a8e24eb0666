"""Fetching large files over HTTP: resumed where they broke off, checked once they are here."""

from __future__ import annotations

import http.client
import shutil
import time
import urllib.error
from collections.abc import Callable, Sequence
from dataclasses import asdict
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

from skin.console import err, note
from skin.data.hosts.http import BROKEN, RETRIED, Version, open_url, problem_of
from skin.data.hosts.record import Record
from skin.data.hosts.remote import ATTEMPTS, Checked, RemoteFile, ask_size, check, refuse_page
from skin.errors import SkinError
from skin.files import read_json, write_json

PAUSE = 2.0  # seconds before the second attempt; doubled at each further one
_CHUNK = 1 << 20


def fetch_all(
    files: Sequence[RemoteFile], folder: Path, record: Record, *, pause: float = PAUSE
) -> None:
    """Fetch files into a folder; those that are there already, whole, are left alone.

    A file grows as `<name>.part` and gets its name once it was found right, so that a fetch that
    was stopped goes on where it was. Beside it, `<name>.part.json` keeps the version that the
    host told, so that parts of two versions are not glued together.

    Args:
        files: to fetch.
        folder: where to put them; it is there.
        record: of what was fetched before; each file that is right is added, and it is saved.
        pause: seconds before a failed request is repeated, doubled each time.

    Raises:
        SkinError: the disk is too small, the server refuses or keeps failing, or a file is not
            what its host says.
    """
    new = [file for file in files if not _is_recorded(file, folder, record)]
    # All are asked for before any is fetched, so that a name that is gone is told at once.
    sized = [ask_size(file, pause) for file in new]
    wanted = [file for file in sized if not _is_right(file, folder, record)]
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
            checked = _verify(file, part)
            part.replace(folder / file.name)
            _state(part).unlink(missing_ok=True)
            record.add(file, folder / file.name, checked)
            record.save(folder)


def _tell(bar: Progress, task: TaskID, done: int) -> None:
    bar.update(task, completed=done)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _state(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _is_recorded(file: RemoteFile, folder: Path, record: Record) -> bool:
    """Whether the file is here as it was fetched from that URL, which needs no host to tell."""
    path = folder / file.name
    is_here = record.holds_surely(file.name, path, file.url)
    if is_here:
        note(f"{path} is there already")
    return is_here


def _is_right(file: RemoteFile, folder: Path, record: Record) -> bool:
    """Whether a file that came here otherwise is what its host says."""
    path = folder / file.name
    if not path.is_file():
        return False
    checked = check(file, path)
    known = record.files.get(file.name)
    is_edited = (
        known is not None
        and known.url == file.url
        and file.checksum is None
        and known.sha256 != checked.sha256
    )
    problem = checked.problem or ("no more what was fetched" if is_edited else "")
    if problem:
        note(f"{path} is fetched again: it is {problem}")
        return False
    note(f"{path} is there already")
    record.add(file, path, checked)
    record.save(folder)
    return True


def _check_space(files: Sequence[RemoteFile], folder: Path) -> None:
    have = sum(_size(_part(folder / file.name)) for file in files)
    needed = sum(file.size or 0 for file in files) - have
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SkinError(
            f"{folder} has {free / 1e9:.1f} GB left, {needed / 1e9:.1f} GB are needed; "
            "choose a folder on another disk"
        )


def _fetch(file: RemoteFile, part: Path, pause: float, tell: Callable[[int], None]) -> None:
    """Append to `part` until it has the file's size, over as many requests as it takes."""
    size = file.size or 0
    failures = most = 0
    while (have := _size(part)) < size:
        most = max(most, have)
        try:
            _append(file, part, have, tell)
            problem = "the connection ended early"
        except BROKEN as error:
            problem = problem_of(error)
            if isinstance(error, urllib.error.HTTPError) and error.code not in RETRIED:
                raise SkinError(f"cannot fetch {file.name} from {file.url}: {problem}") from error
        failures = 0 if _size(part) > most else failures + 1
        if failures == ATTEMPTS:
            raise SkinError(
                f"cannot fetch {file.name} from {file.url}: {problem}; "
                "run the same command again to go on from here"
            )
        if failures:
            time.sleep(pause * 2 ** (failures - 1))
    part.touch()  # which an empty file has not been


def _append(file: RemoteFile, part: Path, have: int, tell: Callable[[int], None]) -> None:
    before = _read_version(part, file.url)
    if have and not before.validator and file.checksum is None:
        note(f"{file.name} begins anew: nothing tells whether its host still has that version")
        have = 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    if have and before.validator:
        headers["If-Range"] = before.validator
    with open_url(file.url, headers=headers) as response:
        refuse_page(file, response.headers)
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        now = Version.of(response)
        if resumed:
            _require_same(response, part, have, before, now)
        else:
            if have:
                note(f"{file.name} begins anew: its host has another version or sends no parts")
            write_json(_state(part), {"url": file.url, **asdict(now)})
        with part.open("ab" if resumed else "wb") as out:
            while chunk := response.read(_CHUNK):
                out.write(chunk)
                tell(out.tell())


def _require_same(
    response: http.client.HTTPResponse, part: Path, have: int, before: Version, now: Version
) -> None:
    """Refuse a part that is another than was asked for, or of another version of the file."""
    if not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        raise http.client.HTTPException("the server sent another part than was asked for")
    if before.etag and now.etag and before.etag != now.etag:
        part.unlink()
        raise http.client.HTTPException("the file changed on its host meanwhile")


def _read_version(part: Path, url: str) -> Version:
    """The version that `part` is of; an empty one if nothing is known or the URL is another."""
    if not _state(part).is_file():
        return Version()
    state = read_json(_state(part))
    if not isinstance(state, dict) or state.get("url") != url:
        return Version()
    return Version(str(state.get("etag", "")), str(state.get("modified", "")))


def _verify(file: RemoteFile, part: Path) -> Checked:
    checked = check(file, part)
    if checked.problem:
        part.unlink()
        _state(part).unlink(missing_ok=True)
        raise SkinError(
            f"{file.name} arrived damaged ({checked.problem}) and was thrown away; "
            "run the same command again"
        )
    return checked


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
