"""Files that are whole or not there: everything is written beside its place and renamed."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from skin.errors import SkinError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well.

    A kill, a full disk or an exception leaves the old file or the new one, never half of one.

    Raises:
        SkinError: the disk is full or the folder cannot be written.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        kept = "; the file that was there before is kept" if path.exists() else ""
        raise SkinError(f"cannot write {path}: {error.strerror or error}{kept}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Hold a folder, made if need be, against other processes; a killed one gives it up by itself.

    Args:
        folder: to hold, by its file `.lock`.
        doing: what is done with it, for the message, as `trained`.

    Raises:
        SkinError: another process holds it, or it cannot be written.
    """
    require_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SkinError(f"{folder} is being {doing} by another process") from None
    try:
        yield
    finally:
        lock.release()


def require_writable(folder: Path) -> None:
    """Check, without making it, that a folder can be made and written into.

    Raises:
        SkinError: a file is in the way, or writing is not allowed.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise SkinError(f"cannot make the folder {folder}: {there} is a file")
    if not os.access(there, os.W_OK):
        raise SkinError(f"cannot write into {folder}: no permission")


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process was writing into `folder`; nobody else may be writing there."""
    for path in folder.glob(".*.tmp"):
        path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """Read a JSON file.

    Raises:
        SkinError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SkinError(f"{path} is missing") from None
    except ValueError as error:
        raise SkinError(f"{path} is not valid JSON: {error}") from None


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
