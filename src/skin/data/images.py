"""Decoding images, strictly: what is not a whole image is an error, never a grey half."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from skin.errors import SkinError

MAX_PIXELS = 100_000_000
"""The largest image that is decoded; a dermoscopic photograph has at most some 50 megapixels."""

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_ANNOTATIONS = ("_superpixels", "_segmentation", "_attribute_")
_FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")

# What Pillow's readers raise on damaged files.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    EOFError,
    struct.error,
    zlib.error,
)

# `MAX_PIXELS` is checked here, as an error; Pillow's own warning below its limit is noise.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


class BadImageError(SkinError):
    """A file that is not a whole image.

    Attributes:
        name: the file.
        reason: what is wrong with it.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} is not a usable image: {reason}")
        self.name = name
        self.reason = reason

    def __reduce__(self) -> tuple[type[BadImageError], tuple[str, str]]:
        """Pickle by both arguments, so that it crosses from a worker process whole."""
        return type(self), (self.name, self.reason)


def is_image_name(path: PurePath) -> bool:
    """Whether the file's suffix is one of an image."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_photograph_name(path: PurePath) -> bool:
    """Whether the file is an image, and none of the annotations that challenges put beside them."""
    stem = path.stem.lower()
    return is_image_name(path) and not any(word in stem for word in _ANNOTATIONS)


def open_rgb(data: bytes, name: str) -> Image.Image:
    """Decode an image at its full size, upright (EXIF orientation applied), as 8-bit RGB.

    Grey, palette, CMYK and 16-bit images are converted; transparency is dropped.

    Args:
        data: the file's content.
        name: the file's name, for the message.

    Raises:
        BadImageError: the data is truncated or no image, or has more than `MAX_PIXELS` pixels,
            which is read from the header before anything is decoded.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _check_pixels(image.size, name)
            image.load()
            return _to_rgb(ImageOps.exif_transpose(image), name)
    except Image.DecompressionBombError as error:
        raise BadImageError(name, str(error)) from error
    except UnidentifiedImageError as error:
        reason = "it is empty" if not data else "it is in no image format known here"
        raise BadImageError(name, reason) from error
    except _DAMAGED as error:
        raise BadImageError(name, str(error) or type(error).__name__) from error


def resize(image: Image.Image, short_side: int, name: str) -> Image.Image:
    """Scale an image, antialiased, so that its short side has `short_side` pixels.

    The aspect is kept. An image that has that size already is given back as it is.

    Raises:
        BadImageError: the image is so elongated that its scaled size exceeds `MAX_PIXELS`.
    """
    size = scaled_size(image.size, short_side)
    if size == image.size:
        return image
    _check_pixels(size, name)
    return image.resize(size, Image.Resampling.BICUBIC)


def scaled_size(size: tuple[int, int], short_side: int) -> tuple[int, int]:
    """What a size becomes when its short side is scaled to `short_side`, the aspect kept."""
    scale = short_side / min(size)
    first, second = (max(short_side, round(side * scale)) for side in size)
    return first, second


def decode(data: bytes, name: str, short_side: int | None = None) -> NDArray[np.uint8]:
    """Decode an image to RGB pixels, scaled to a short side.

    Args:
        data: the file's content.
        name: the file's name, for the message.
        short_side: pixels of the short side; None keeps the image's own size.

    Returns:
        Pixels of shape (H, W, 3).

    Raises:
        BadImageError: see `open_rgb` and `resize`.
    """
    image = open_rgb(data, name)
    if short_side is not None:
        image = resize(image, short_side, name)
    return np.array(image)


def _check_pixels(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise BadImageError(
            name, f"{width}x{height} pixels are more than the limit of {MAX_PIXELS:,}"
        )


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "F":
        raise BadImageError(name, "floating-point pixels have no known range")
    if image.mode.startswith("I"):  # Pillow would clip 16 bits to 8; keep the upper byte instead
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
            raise BadImageError(name, "its grey values go beyond 16 bits")
        image = Image.fromarray((values >> 8).astype(np.uint8))
    return image if image.mode == "RGB" else image.convert("RGB")
