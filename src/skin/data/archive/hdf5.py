"""The encoded images in an HDF5 file, as SLICE-3D is published: a dataset of bytes for each."""

from __future__ import annotations

import math
import os
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np

from skin.data.archive.entries import Entry
from skin.data.images import is_image_name
from skin.errors import SkinError, first_line, name_some

_CODING = ("utf-8", "surrogateescape")
_SUFFIX = ".jpg"

# What h5py raises on damaged files.
_DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError)


class Hdf5:
    """An HDF5 file whose datasets are image files: byte strings, or vectors of unsigned bytes.

    All lie at its root. It is opened once in each process; of threads that read at once, h5py lets
    one in at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[int, h5py.File] = {}
        self._opening: dict[int, threading.Lock] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": {}, "_opening": {}}

    def listing(self, name: str) -> list[Entry]:
        """List the keys of the file's root; one without an image's suffix gets `.jpg`.

        No dataset but the first is opened, so that 400,000 take seconds.

        Args:
            name: the file's own, before the `::` of each `ref`.

        Raises:
            SkinError: it is no HDF5 file, or one that holds something else.
        """
        try:
            keys = self._keys()
        except _DAMAGED as error:
            raise SkinError(
                f"{self._path} is not an HDF5 file that can be read ({first_line(error)}); "
                "fetch it again"
            ) from error
        if not keys or not self._holds_image(keys[0]):
            raise SkinError(
                f"{self._path} is an HDF5 file without encoded images (byte strings or vectors of "
                "bytes at its root), which is not read here; move it out of the folder"
            )
        stamp = self._path.stat().st_mtime_ns
        entries = [Entry(f"{name}::{_with_suffix(key)}", 0, stamp) for key in keys]
        self._require_distinct(entries)
        return entries

    def read(self, entry: Entry, number: int, largest: int) -> bytes:
        """Read a dataset's bytes; see `Container.read`."""
        del number
        key = entry.ref.rpartition("::")[2]
        try:
            try:
                dataset = self._open(key.removesuffix(_SUFFIX))
            except KeyError:
                dataset = self._open(key)
            return _read(dataset, largest)
        except _DAMAGED as error:
            raise OSError(first_line(error)) from error

    def _keys(self) -> list[str]:
        links: list[tuple[bytes, int]] = []
        # Not `visit`, which opens each object to see whether it is a group, and keeps its header.
        self._file().id.links.iterate(lambda key, info: links.append((key, info.type)), info=True)
        astray = [key.decode(*_CODING) for key, kind in links if kind != h5py.h5l.TYPE_HARD]
        if astray:
            raise SkinError(
                f"{self._path} has links to elsewhere: {name_some(astray)}; it is not safe to use"
            )
        return [key.decode(*_CODING) for key, _ in links]

    def _require_distinct(self, entries: Sequence[Entry]) -> None:
        twice = [ref for ref, count in Counter(entry.ref for entry in entries).items() if count > 1]
        if twice:
            raise SkinError(f"{self._path} has a key with and without suffix: {name_some(twice)}")

    def _holds_image(self, key: str) -> bool:
        try:
            return _is_encoded_image(self._open(key))
        except _DAMAGED:  # a group
            return False

    def _open(self, key: str) -> h5py.h5d.DatasetID:
        return h5py.h5d.open(self._file().id, key.encode(*_CODING))

    def _file(self) -> h5py.File:
        # HDF5 keeps state of an open file that a forked process must not share.
        process = os.getpid()
        with self._opening.setdefault(process, threading.Lock()):
            if process not in self._files:
                # Nothing is written, and locks fail on some network drives.
                self._files[process] = h5py.File(self._path, "r", locking=False)
            return self._files[process]


def _with_suffix(key: str) -> str:
    return key if is_image_name(PurePosixPath(key)) else f"{key}{_SUFFIX}"


def _is_encoded_image(dataset: h5py.h5d.DatasetID) -> bool:
    """Whether it is a byte string (of fixed, variable or opaque type) or a vector of bytes."""
    dtype: np.dtype[Any] = dataset.dtype
    if dtype.kind in "SVO":
        return dataset.shape == () and dtype.names is None
    return dtype == np.uint8 and len(dataset.shape or ()) == 1


def _read(dataset: h5py.h5d.DatasetID, largest: int) -> bytes:
    if not _is_encoded_image(dataset):
        raise OSError(f"it is {dataset.dtype} of shape {dataset.shape}, no encoded image")
    dtype = dataset.dtype
    if dtype.kind == "O":  # its length is known once it is read; it is not packed
        value = h5py.Dataset(dataset)[()]
        return value if isinstance(value, bytes) else np.asarray(value, np.uint8).tobytes()
    size = dtype.itemsize * math.prod(dataset.shape)
    if size > largest:
        raise OSError(f"it unpacks to {size:,} bytes, more than {largest:,}")
    values = np.empty(dataset.shape, dtype)
    dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    data = values.tobytes()
    # What follows a string in its fixed width is no part of it.
    return data.rstrip(b"\0") if dtype.kind == "S" else data
