"""The cache: all images of a dataset, to be read by row at one short side."""

from __future__ import annotations

from skin.data.cache.layout import (
    Store,
    are_files_there,
    cache_folder,
    cached_short_sides,
    files_folder,
)
from skin.data.cache.reader import Cache, ImageCache
from skin.data.cache.shared import move_cache, share_files
from skin.data.cache.writer import CacheWriter

__all__ = [
    "Cache",
    "CacheWriter",
    "ImageCache",
    "Store",
    "are_files_there",
    "cache_folder",
    "cached_short_sides",
    "files_folder",
    "move_cache",
    "share_files",
]
