"""Reading a source's images once: what the cache keeps, and the facts for the table."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from typing import NamedTuple

import imagehash
import numpy as np
from numpy.typing import NDArray

from skin.data.archive import Archive
from skin.data.cache import Store
from skin.data.images import BadImageError, open_rgb, resize
from skin.data.parallel import available_cpus, map_ahead
from skin.data.thumbnails import thumbnail
from skin.errors import SkinError
from skin.files import sha256_bytes

# From so many images on, processes decode. Threads start at once and are as quick for photographs,
# but small tiles spend half their time under the interpreter's lock.
_MANY = 5_000
_CHUNK = 32  # images that one task reads and decodes, fewer of large ones:
_CHUNK_PIXELS = 2_000_000
_CHUNK_BYTES = 16_000_000  # of their files


@dataclass(frozen=True)
class Facts:
    """What the table tells of an image's file.

    Attributes:
        width: pixels, upright, as in the file.
        height: pixels, upright, as in the file.
        sha256: of the file's bytes, in hex.
        phash: 64-bit perceptual hash of the image at its full size, in hex.
    """

    width: int
    height: int
    sha256: str
    phash: str


@dataclass(frozen=True)
class Scanned:
    """An image that was read.

    Attributes:
        facts: for the table.
        data: what the cache keeps: the file's bytes, or pixels (H, W, 3) at the short side.
        thumbnail: of the pixels at the short side.
    """

    facts: Facts
    data: bytes | NDArray[np.uint8]
    thumbnail: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what the cache keeps."""
        if isinstance(self.data, bytes):
            return self.facts.height, self.facts.width
        return self.data.shape[0], self.data.shape[1]


class Wanted(NamedTuple):
    """What is to be kept of each image."""

    short_side: int
    store: Store


class _File(NamedTuple):
    """A file that was read, and its hash."""

    ref: str
    data: bytes
    sha256: str


Result = Scanned | BadImageError
_Decode = Callable[[list[_File], Wanted], list[Result]]


def scan(
    archive: Archive,
    refs: Sequence[str],
    wanted: Wanted,
    known: Callable[[str], Scanned | None] = lambda _: None,
) -> Iterator[Result]:
    """Read and decode images in parallel.

    Threads read, so that a disk's latency is not waited for; they decode too, or have processes
    do it where there are many images. Those are given bytes and need no archive of their own.

    Args:
        archive: holds the images.
        refs: their references in it.
        wanted: what is kept of them.
        known: gives by SHA-256 what need not be decoded again.

    Yields:
        For each reference, in order, the image, or why it cannot be used.

    Raises:
        SkinError: a decoding process was killed.
    """
    workers = available_cpus()
    size = max(1, min(_CHUNK, _CHUNK_PIXELS // wanted.short_side**2))
    with _decoder(workers if len(refs) >= _MANY else 0) as decode:

        def read(chunk: Sequence[str]) -> list[Result]:
            return _read_all(archive, chunk, wanted, known, decode)

        chunks = _chunks(archive, refs, size)
        try:
            with ThreadPoolExecutor(2 * workers) as readers:
                for results in map_ahead(readers, read, chunks, 3 * workers):
                    yield from results
        except BrokenProcessPool as error:
            raise SkinError(
                "a process that decodes images was killed, perhaps for want of memory; "
                "run the same command again, it goes on where this one ended"
            ) from error


def _chunks(archive: Archive, refs: Sequence[str], most: int) -> Iterator[list[str]]:
    """Cut references into runs of at most `most`, of files that together are not large.

    In HDF5 a file's size is not known before it is read; there, only the count bounds a run.
    """
    chunk: list[str] = []
    held = 0
    for ref in refs:
        place = archive.entries.find(ref)
        size = 0 if place is None else archive.entries[place].size
        if chunk and (len(chunk) == most or held + size > _CHUNK_BYTES):
            yield chunk
            chunk, held = [], 0
        chunk.append(ref)
        held += size
    if chunk:
        yield chunk


@contextmanager
def _decoder(processes: int) -> Iterator[_Decode]:
    """Give what decodes a list of files: the calling thread itself, or one of some processes."""
    if not processes:
        yield _decode_all
        return
    context = multiprocessing.get_context("spawn")  # a fork may inherit a lock that is held
    with ProcessPoolExecutor(processes, context, initializer=_end_with_parent) as pool:
        try:
            yield lambda files, wanted: pool.submit(_decode_all, files, wanted).result()
        finally:
            pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def end() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=end, daemon=True).start()


def _read_all(
    archive: Archive,
    refs: Sequence[str],
    wanted: Wanted,
    known: Callable[[str], Scanned | None],
    decode: _Decode,
) -> list[Result]:
    results: list[Result | None] = []
    files = []
    for ref in refs:
        found = _read(archive, ref, known)
        if isinstance(found, _File):
            files.append(found)
            results.append(None)
        else:
            results.append(found)
    decoded = (
        replace(image, data=file.data)
        if isinstance(image, Scanned) and wanted.store == "files"
        else image
        for file, image in zip(files, decode(files, wanted) if files else (), strict=True)
    )
    return [next(decoded) if result is None else result for result in results]


def _read(archive: Archive, ref: str, known: Callable[[str], Scanned | None]) -> _File | Result:
    try:
        data = archive.read(ref)
    except SkinError as error:
        return BadImageError(ref, str(error))
    sha256 = sha256_bytes(data)
    return known(sha256) or _File(ref, data, sha256)


def _decode_all(files: list[_File], wanted: Wanted) -> list[Result]:
    return [_decode(file, wanted) for file in files]


def _decode(file: _File, wanted: Wanted) -> Result:
    """Decode one image; its bytes, where they are wanted, are left to the caller, who has them."""
    try:
        image = open_rgb(file.data, file.ref)
        pixels = np.array(resize(image, wanted.short_side, file.ref))
    except BadImageError as error:
        return error
    facts = Facts(image.width, image.height, file.sha256, str(imagehash.phash(image)))
    return Scanned(facts, pixels if wanted.store == "pixels" else b"", thumbnail(pixels))
