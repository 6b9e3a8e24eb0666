"""How much disk a cache takes, told before it is built."""

from __future__ import annotations

import io
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from skin.console import note
from skin.data.archive import Archive
from skin.data.cache import Store
from skin.data.cache.layout import RECORD
from skin.data.images import scaled_size
from skin.data.scan import Wanted
from skin.data.thumbnails import SIDE
from skin.errors import SkinError

_SAMPLE = 100  # images whose headers are looked at
_CHANNELS = 3
_TABLE = 400  # bytes of an image's rows in the dataset's table and in the journal
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_STEP = 1000


@dataclass(frozen=True)
class Space:
    """What caching images takes, in bytes, by what is kept of them."""

    pixels: int
    files: int

    def of(self, store: Store) -> int:
        """What it takes in a store."""
        return self.pixels if store == "pixels" else self.files


def estimate(archive: Archive, refs: Sequence[str], short_side: int) -> Space:
    """Estimate from the headers of some images, spread evenly over `refs`.

    Images that cannot be read do not count; they are judged when they are decoded.
    """
    step = max(1, math.ceil(len(refs) / _SAMPLE))
    sizes = [_measure(archive, ref, short_side) for ref in refs[::step]]
    pixels, files = np.mean([size for size in sizes if size] or [(0, 0)], axis=0)
    each = SIDE * SIDE + RECORD.itemsize + _TABLE
    return Space(round(len(refs) * (pixels + each)), round(len(refs) * (files + each)))


def require_space(
    archive: Archive, refs: Sequence[str], wanted: Wanted, folder: Path, total: int
) -> None:
    """Say how much disk images will take and how much is free.

    Args:
        archive: holds them.
        refs: those that are still to be cached.
        wanted: what is to be kept of them.
        folder: where they will be cached; is there.
        total: number of the dataset's images.

    Raises:
        SkinError: it does not fit.
    """
    if not refs:
        return
    need, free = estimate(archive, refs, wanted.short_side), shutil.disk_usage(folder).free
    of_all = "" if len(refs) == total else f" of {total:,}"
    what = (
        f"{len(refs):,}{of_all} images as {wanted.store} at short side {wanted.short_side} take "
        f"about {_amount(need.of(wanted.store))} of disk"
    )
    if need.of(wanted.store) < free:
        note(f"{what}; {_amount(free)} are free")
        return
    smaller = "choose a smaller --short-side" if wanted.store == "pixels" else "free some"
    files = f", keep the files themselves with --store files ({_amount(need.files)}),"
    other = f"{files} or free some" if wanted.store == "pixels" else ", or another --data-dir"
    raise SkinError(f"{what}, and only {_amount(free)} are free at {folder}; {smaller}{other}")


def _measure(archive: Archive, ref: str, short_side: int) -> tuple[int, int] | None:
    """The bytes of an image's pixels, and those of its file."""
    try:
        data = archive.read(ref)
        with Image.open(io.BytesIO(data)) as image:
            return math.prod(scaled_size(image.size, short_side)) * _CHANNELS, len(data)
    except (OSError, SkinError, ValueError, Image.DecompressionBombError):
        return None


def _amount(count: float) -> str:
    """As `1.2 GB`."""
    unit = 0
    while count >= _STEP and unit < len(_UNITS) - 1:
        count, unit = count / _STEP, unit + 1
    return f"{count:.3g} {_UNITS[unit]}"
