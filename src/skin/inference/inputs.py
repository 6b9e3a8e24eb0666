"""The images that a prediction is asked for: a folder, a zip, a CSV or single files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from skin.data.archive import Archive
from skin.data.images import is_image_name
from skin.errors import SkinError, name_some

_COLUMNS = ("image", "image_id", "image_name", "isic_id", "path", "file", "filename")


@dataclass(frozen=True)
class InputImage:
    """One image.

    Attributes:
        image_id: the file's name without ending.
        ref: its place in the archive; a path if there is none.
        archive: the folder or zip that holds it.
    """

    image_id: str
    ref: str
    archive: Archive | None = None

    def read(self) -> bytes:
        """Read the file's content.

        Raises:
            SkinError: it cannot be read.
        """
        if self.archive is not None:
            return self.archive.read(self.ref)
        try:
            return Path(self.ref).read_bytes()
        except OSError as error:
            raise SkinError(f"cannot read {self.ref}: {error.strerror}") from None


def find_images(sources: Sequence[Path]) -> list[InputImage]:
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
    return [by_id[image_id] for image_id in sorted(by_id)]


def _images_of(source: Path) -> list[InputImage]:
    if not source.exists():
        raise SkinError(f"no image, folder, zip or CSV at {source}")
    if source.suffix.lower() == ".csv":
        return _images_of_csv(source)
    if source.is_file() and source.suffix.lower() != ".zip":
        return [InputImage(source.stem, str(source))]
    images = _images_in(Archive(source))
    if not images:
        raise SkinError(f"{source} holds no image")
    return images


def _images_of_csv(path: Path) -> list[InputImage]:
    try:
        table = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError) as error:
        raise SkinError(f"{path} is not a CSV that can be read: {error}") from None
    column = next((name for name in _COLUMNS if name in table.columns), None)
    if column is None:
        have = name_some(table.columns)
        raise SkinError(f"{path} has no column of images ({', '.join(_COLUMNS)}); it has {have}")
    names = table[column].dropna()
    wanted = list(
        dict.fromkeys(Path(name).stem if is_image_name(Path(name)) else name for name in names)
    )
    files = {image.image_id: image for image in _images_in(Archive(path.parent))}
    missing = [name for name in wanted if name not in files]
    if missing or not wanted:
        what = name_some(missing) if missing else "any image"
        raise SkinError(f"{path} names images that are not under {path.parent}: {what}")
    return [files[name] for name in wanted]


def _images_in(archive: Archive) -> list[InputImage]:
    return [
        InputImage(entry.path.stem, entry.ref, archive)
        for entry in archive.entries
        if is_image_name(entry.path)
    ]
