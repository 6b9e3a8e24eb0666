"""The images that a prediction is asked for: a folder, a zip, a CSV or single files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import overload

import numpy as np
import pandas as pd

from skin.data.archive import LARGEST, Archive, is_container
from skin.data.archive.texts import Texts
from skin.data.images import is_image_name, is_photograph_name
from skin.errors import SkinError, name_some

IMAGE_COLUMNS = ("image", "image_id", "image_name", "isic_id", "path", "file", "filename")
"""The names of a column that names images; of several that a CSV has, the first counts."""


@dataclass(frozen=True, slots=True)
class InputImage:
    """One image.

    Attributes:
        image_id: the file's name without ending.
        ref: its place in its home.
        home: what holds it: a folder, or an archive that has it in a zip.
        size: bytes.
        stamp: changes when the content does; see `skin.data.archive.Entry`.
    """

    image_id: str
    ref: str
    home: Path | Archive = Path()
    size: int = 0
    stamp: int = 0

    def read(self) -> bytes:
        """Read the file's content.

        Raises:
            SkinError: it cannot be read.
        """
        if isinstance(self.home, Archive):
            return self.home.read(self.ref)
        path = self.home / self.ref
        if self.size > LARGEST:
            raise SkinError(f"{path} has {self.size:,} bytes, more than {LARGEST:,}")
        try:
            return path.read_bytes()
        except OSError as error:
            raise SkinError(f"cannot read {path}: {error.strerror}") from None


class InputImages(Sequence[InputImage]):
    """Any number of images, in some 100 bytes each.

    They are kept as arrays and made when they are asked for: loader processes share arrays with the
    process that started them, where they would copy each object that they look at.
    """

    def __init__(self, images: Sequence[InputImage]) -> None:
        self._homes = list(dict.fromkeys(image.home for image in images))
        place = {home: number for number, home in enumerate(self._homes)}
        self._home = np.array([place[image.home] for image in images], np.int32)
        self._size = np.array([image.size for image in images], np.int64)
        self._stamp = np.array([image.stamp for image in images], np.int64)
        self._ids = Texts(image.image_id for image in images)
        self._refs = Texts(image.ref for image in images)

    def __len__(self) -> int:
        return len(self._home)

    @overload
    def __getitem__(self, place: int) -> InputImage: ...
    @overload
    def __getitem__(self, place: slice) -> InputImages: ...
    def __getitem__(self, place: int | slice) -> InputImage | InputImages:
        if isinstance(place, slice):
            return InputImages([self[i] for i in range(len(self))[place]])
        return InputImage(
            self._ids[place],
            self._refs[place],
            self._homes[self._home[place]],
            int(self._size[place]),
            int(self._stamp[place]),
        )


def find_images(sources: Sequence[Path]) -> InputImages:
    """List the images of folders, zips, CSVs and files, in order of their ids.

    A CSV names its images in a column `image` (or `image_id`, `path`, ...); the files lie
    anywhere under the CSV's folder.

    Raises:
        SkinError: a source is missing or holds no image, or two images have the same id.
    """
    found = [image for source in sources for image in _images_of(source)]
    by_id: dict[str, InputImage] = {}
    for image in found:
        if image.image_id in by_id:
            other = by_id[image.image_id]
            raise SkinError(
                f"two images have the id '{image.image_id}': {other.ref} and {image.ref}; "
                "predict them apart or rename one"
            )
        by_id[image.image_id] = image
    return InputImages([by_id[image_id] for image_id in sorted(by_id)])


def _images_of(source: Path) -> list[InputImage]:
    if not source.exists():
        raise SkinError(f"no image, folder, zip or CSV at {source}")
    if source.suffix.lower() == ".csv":
        return _images_of_csv(source)
    if source.is_file() and not is_container(source):
        stat = source.stat()
        return [InputImage(source.stem, str(source), Path(), stat.st_size, stat.st_mtime_ns)]
    images = _images_in(Archive(source))
    if not images:
        raise SkinError(f"{source} holds no image")
    return images


def _images_of_csv(path: Path) -> list[InputImage]:
    try:
        table = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError) as error:
        raise SkinError(f"{path} is not a CSV that can be read: {error}") from None
    column = next((name for name in IMAGE_COLUMNS if name in table.columns), None)
    if column is None:
        have = name_some(table.columns)
        raise SkinError(
            f"{path} has no column of images ({', '.join(IMAGE_COLUMNS)}); it has {have}"
        )
    names = list(dict.fromkeys(table[column].dropna()))
    if not names:
        raise SkinError(f"{path} names no image in its column '{column}'")
    files = _images_in(Archive(path.parent))
    by_path = {PurePosixPath(file.ref.rpartition("::")[2]): file for file in files}
    by_id: dict[str, list[InputImage]] = {}
    for file in files:
        by_id.setdefault(file.image_id, []).append(file)
    found = {name: _find(PurePosixPath(name), by_path, by_id) for name in names}
    missing = [name for name, those in found.items() if not those]
    if missing:
        raise SkinError(
            f"{path} names images that are not under {path.parent}: {name_some(missing)}"
        )
    several = [those for those in found.values() if len(those) > 1]
    if several:
        refs = name_some(file.ref for file in several[0])
        raise SkinError(f"{path}: '{several[0][0].image_id}' may be any of {refs}; give its path")
    return [those[0] for those in found.values()]


def _find(
    name: PurePosixPath,
    by_path: Mapping[PurePosixPath, InputImage],
    by_id: Mapping[str, list[InputImage]],
) -> list[InputImage]:
    """The file of that path, or all files that a bare name may mean."""
    if name in by_path:
        return [by_path[name]]
    if len(name.parts) > 1:
        return []
    return by_id.get(name.stem if is_image_name(name) else str(name), [])


def _images_in(archive: Archive) -> list[InputImage]:
    """The images of an archive; those that lie in no zip need only its folder."""
    return [
        InputImage(
            entry.path.stem,
            entry.ref,
            archive if "::" in entry.ref else archive.folder,
            entry.size,
            entry.stamp,
        )
        for entry in archive.entries
        if is_photograph_name(entry.path)
    ]
