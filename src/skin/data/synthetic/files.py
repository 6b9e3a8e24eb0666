"""The files of a synthetic data set: a folder that is whole or not there, JPEGs, CSVs and zips."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skin.errors import SkinError

_JPEG_QUALITY = 92
_BOM = "\ufeff"
_ZIP_TIME = (2020, 1, 1, 0, 0, 0)  # the same bytes whenever they are written


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a temporary folder beside `out`; it becomes `out` when the block ends well.

    Raises:
        SkinError: `out` is no empty folder, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SkinError(f"{out} is not an empty folder: name another or remove it")
    temporary = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        yield temporary
        temporary.chmod(0o755)
        temporary.replace(out)
    except OSError as error:
        raise SkinError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def jpeg(image: NDArray[np.uint8]) -> bytes:
    """Encode an RGB image (H, W, 3)."""
    _, data = cv2.imencode(
        ".jpg",
        cv2.cvtColor(image, cv2.COLOR_RGB2BGR),
        [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY],
    )
    return data.tobytes()


def png(mask: NDArray[np.bool_]) -> bytes:
    """Encode a mask (H, W) with 1 bit a pixel, white where it is true."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return buffer.getvalue()


def csv_text(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    bom: bool = False,
    line_end: str = "\n",
    trailing_comma: bool = False,
) -> str:
    """A CSV, with the quirks that publishers' tools leave in theirs if asked for.

    Args:
        header: the columns' names.
        rows: their values.
        bom: begin with a byte-order mark.
        line_end: of each line.
        trailing_comma: end each line with a comma, as of a last column without name and value.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=line_end)
    last = ("",) if trailing_comma else ()
    writer.writerows([*line, *last] for line in (header, *rows))
    return (_BOM if bom else "") + buffer.getvalue()


def write_files(folder: Path, files: Mapping[str, bytes | str]) -> None:
    """Write files below a folder by their paths in it; text as UTF-8."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_bytes(data))


def write_zip(path: Path, files: Mapping[str, bytes | str]) -> None:
    """Write a zip of files by their paths in it; text as UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), _bytes(data))


def _bytes(data: bytes | str) -> bytes:
    return data.encode() if isinstance(data, str) else data
