"""The files that several short sides of a dataset share."""

from __future__ import annotations

import shutil
from pathlib import Path

from skin.data.cache.layout import SHARED, Store, cache_folder, files_folder
from skin.files import write_json


def share_files(dataset_root: Path, short_side: int) -> None:
    """Have a dataset's files read at a short side, in place of pixels that were cached for it."""
    folder = cache_folder(dataset_root, short_side)
    shutil.rmtree(folder, ignore_errors=True)
    write_json(folder / SHARED, {"images": "../files"})


def move_cache(source_root: Path, dataset_root: Path, short_side: int, store: Store) -> None:
    """Move the cache for a short side to another dataset of the same images."""
    if store == "files":
        _replace(files_folder(dataset_root), files_folder(source_root))
        share_files(dataset_root, short_side)
    else:
        _replace(cache_folder(dataset_root, short_side), cache_folder(source_root, short_side))
        remove_unused_files(dataset_root)


def remove_unused_files(dataset_root: Path) -> None:
    """Remove a dataset's files if no short side is read from them any more."""
    if not any((dataset_root / "cache").glob(f"*/{SHARED}")):
        shutil.rmtree(files_folder(dataset_root), ignore_errors=True)


def _replace(place: Path, new: Path) -> None:
    """Move a folder to where another may be, which is out of the way before it is removed."""
    aside = place.with_name(f".{place.name}.old")
    shutil.rmtree(aside, ignore_errors=True)  # of a killed move
    place.parent.mkdir(exist_ok=True)
    if place.exists():
        place.rename(aside)
    new.rename(place)
    shutil.rmtree(aside, ignore_errors=True)
