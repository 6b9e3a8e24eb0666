"""What is known of a file before it is fetched, and how it is checked once it is here."""

from __future__ import annotations

import hashlib
import http.client
import re
import time
import urllib.error
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from skin.console import note
from skin.data.hosts.http import BROKEN, RETRIED, open_url, problem_of
from skin.errors import SkinError

ATTEMPTS = 5  # in a row that bring nothing new
SIZE: Final = "size"
"""By what a file is checked of which its host tells nothing else."""

_CHUNK = 1 << 20
_START = 1 << 10
_PAGE = "text/html"
_MD5 = re.compile(r'"([0-9a-f]{32})"')
_ENCRYPTION = "x-amz-server-side-encryption"


@dataclass(frozen=True)
class Checksum:
    """A checksum that a host publishes.

    Attributes:
        algorithm: by which it is made.
        value: in hex.
    """

    algorithm: Literal["md5", "sha256"]
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm.upper()} {self.value}"


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch.

    Attributes:
        name: to store it under.
        url: where it is.
        size: bytes; None if only the host's answer says it.
        checksum: as the host publishes it; None if it does not.
        on_s3: whether Amazon's S3 holds it, whose entity tag may be the file's MD5.
    """

    name: str
    url: str
    size: int | None = None
    checksum: Checksum | None = None
    on_s3: bool = False


@dataclass(frozen=True)
class Checked:
    """What a file that is here turned out to be.

    Attributes:
        sha256: of its content, in hex.
        by: what spoke for it, as `md5`, `zip CRC-32s` or `size`.
        problem: what spoke against it; empty if it is right.
    """

    sha256: str
    by: str
    problem: str = ""


def ask_size(file: RemoteFile, pause: float) -> RemoteFile:
    """Complete a file's size, and on S3 its MD5, from what the host answers to HEAD.

    The entity tag of a file on S3 is its MD5 if it was uploaded in one part and is not encrypted
    with a key of its own; a tag of several parts has a hyphen.

    Args:
        file: as it is known so far.
        pause: seconds before a failed request is repeated, doubled each time.

    Raises:
        SkinError: the host cannot be reached, has no such file, does not tell its size, or
            answers with a web page.
    """
    if file.size is not None:
        return file
    headers = _head(file, pause)
    refuse_page(file, headers)
    length = headers.get("Content-Length", "")
    if not length.isdecimal():
        raise SkinError(f"the host of {file.name} does not tell its size: {file.url}")
    checksum = file.checksum or (_s3_checksum(headers) if file.on_s3 else None)
    return replace(file, size=int(length), checksum=checksum)


def refuse_page(file: RemoteFile, headers: http.client.HTTPMessage) -> None:
    """Refuse a web page in place of a file, as a login, or a host that moved, sends it.

    Raises:
        SkinError: the answer is one.
    """
    if headers.get_content_type() == _PAGE and not file.name.lower().endswith(".html"):
        raise SkinError(
            f"{file.url} answers with a web page, not with {file.name}; open it in a browser to "
            "see what its host wants"
        )


def _s3_checksum(headers: http.client.HTTPMessage) -> Checksum | None:
    tag = _MD5.fullmatch(headers.get("ETag", ""))
    has_own_key = headers.get(_ENCRYPTION, "AES256") != "AES256" or (
        f"{_ENCRYPTION}-customer-algorithm" in headers
    )
    return Checksum("md5", tag[1]) if tag and not has_own_key else None


def _head(file: RemoteFile, pause: float) -> http.client.HTTPMessage:
    problem = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            with open_url(file.url, method="HEAD") as response:
                return response.headers
        except BROKEN as error:
            problem = problem_of(error)
            if isinstance(error, urllib.error.HTTPError) and error.code not in RETRIED:
                break
    raise SkinError(f"cannot fetch {file.name} from {file.url}: {problem}")


def check(file: RemoteFile, path: Path) -> Checked:
    """Check a file by what its host says of it: checksum, or size and a zip's own checksums."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return Checked("", SIZE, f"{size:,} bytes, its host says {file.size:,}")
    wanted = file.checksum
    found = digests(path, {"sha256", wanted.algorithm} if wanted else {"sha256"})
    sha256 = found["sha256"]
    if wanted:
        ours = Checksum(wanted.algorithm, found[wanted.algorithm])
        problem = "" if ours == wanted else f"{ours}, its host says {wanted.value}"
        return Checked(sha256, wanted.algorithm, problem)
    if path.name.removesuffix(".part").lower().endswith(".zip"):
        note(f"checking {file.name}, entry by entry, as its host publishes no checksum")
        return Checked(sha256, "zip CRC-32s", _damage_of_zip(path))
    return Checked(sha256, SIZE, "a web page" if _is_page(path) else "")


def _is_page(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(_START).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _damage_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        return f"no zip archive that can be read: {error}"
    return f"{damaged} in it is not what it was packed from" if damaged else ""


def digests(path: Path, algorithms: Iterable[str]) -> dict[str, str]:
    """A file's hashes in hex, by algorithm, from one reading."""
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(algorithms)}
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            for each in hashes.values():
                each.update(chunk)
    return {name: each.hexdigest() for name, each in hashes.items()}
