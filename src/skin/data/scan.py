"""Reading a source's images once: pixels for the cache, and the facts for the table."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import imagehash
import numpy as np
from numpy.typing import NDArray

from skin.data.archive import Archive
from skin.data.images import BadImageError, open_rgb, resize
from skin.errors import SkinError
from skin.files import sha256_bytes


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
    """An image that was read: its facts, and its pixels at the wanted short side, (H, W, 3)."""

    facts: Facts
    pixels: NDArray[np.uint8]


Known = tuple[Facts, "NDArray[np.uint8]"]
"""Facts of a file that was read before, and its cached pixels."""


def scan(
    archive: Archive, refs: Sequence[str], short_side: int, known: Mapping[str, Known]
) -> Iterator[Scanned | BadImageError]:
    """Read and decode images in parallel.

    Threads do: Pillow lets go of the interpreter's lock while it decodes and scales.

    Args:
        archive: holds the images.
        refs: their references in it.
        short_side: pixels of the short side that the pixels are scaled to.
        known: by SHA-256, what need not be decoded again.

    Yields:
        For each reference, in order, the image, or why it cannot be used.
    """

    def read(ref: str) -> Scanned | BadImageError:
        try:
            return _scan_one(archive, ref, short_side, known)
        except BadImageError as error:
            return error

    workers = available_cpus()
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Scanned | BadImageError]] = deque()
        try:
            for ref in refs:
                waiting.append(pool.submit(read, ref))
                if len(waiting) >= 8 * workers:  # bounds the decoded images held in memory
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def available_cpus() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _scan_one(archive: Archive, ref: str, short_side: int, known: Mapping[str, Known]) -> Scanned:
    try:
        data = archive.read(ref)
    except SkinError as error:
        raise BadImageError(ref, str(error)) from error
    sha256 = sha256_bytes(data)
    if sha256 in known:
        facts, pixels = known[sha256]
        return Scanned(facts, pixels)
    image = open_rgb(data, ref)
    facts = Facts(image.width, image.height, sha256, str(imagehash.phash(image)))
    return Scanned(facts, np.array(resize(image, short_side, ref)))
