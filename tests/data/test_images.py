from __future__ import annotations

import io
import pickle
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skin.data.images import MAX_PIXELS, BadImageError, decode, open_rgb, resize


def save(image: Image.Image, suffix: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, suffix, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + header
        + struct.pack(">I", zlib.crc32(header))
        + struct.pack(">I", 0)
        + b"IDAT"
        + struct.pack(">I", zlib.crc32(b"IDAT"))
    )


@pytest.mark.parametrize(
    ("image", "suffix", "colour"),
    [
        (Image.new("L", (4, 3), 90), "PNG", (90, 90, 90)),
        (Image.new("LA", (4, 3), (90, 10)), "PNG", (90, 90, 90)),
        (Image.new("1", (4, 3), 1), "PNG", (255, 255, 255)),
        (Image.new("RGB", (4, 3), (10, 20, 30)).quantize(), "PNG", (10, 20, 30)),
        (Image.new("RGBA", (4, 3), (10, 20, 30, 0)), "PNG", (10, 20, 30)),
        (Image.new("CMYK", (4, 3), (255, 0, 0, 0)), "TIFF", (0, 255, 255)),
        (Image.fromarray(np.full((3, 4), 0x5AFF, np.uint16)), "PNG", (0x5A, 0x5A, 0x5A)),
        (Image.fromarray(np.full((3, 4), 0x5AFF, np.uint16)), "TIFF", (0x5A, 0x5A, 0x5A)),
    ],
    ids=["grey", "grey-alpha", "bits", "palette", "alpha", "cmyk", "png16", "tiff16"],
)
def test_all_modes_become_rgb(image: Image.Image, suffix: str, colour: tuple[int, int, int]):
    pixels = decode(save(image, suffix), "x")
    assert pixels.shape == (3, 4, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == colour).all()


def test_exif_orientation_is_applied():
    image = Image.fromarray(np.array([[[255, 0, 0]], [[0, 0, 255]]], np.uint8))  # red over blue
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned a quarter clockwise
    pixels = decode(save(image, exif=exif), "x")
    assert pixels.shape == (1, 2, 3)
    assert pixels[0].tolist() == [[0, 0, 255], [255, 0, 0]]


def test_an_image_of_the_wanted_size_is_not_resampled(encode: Callable[..., bytes]):
    data = encode(0, (40, 30), "PNG")
    assert np.array_equal(decode(data, "x", 30), decode(data, "x"))


@pytest.mark.parametrize(
    ("size", "short_side", "shape"),
    [((600, 450), 225, (225, 300)), ((450, 600), 225, (300, 225)), ((150, 150), 256, (256, 256))],
)
def test_short_side(
    encode: Callable[..., bytes], size: tuple[int, int], short_side: int, shape: tuple[int, int]
):
    assert decode(encode(0, size), "x", short_side).shape == (*shape, 3)


def test_scaling_down_averages():
    stripes = np.tile(np.array([0, 255], np.uint8), (200, 100))
    pixels = decode(save(Image.fromarray(stripes)), "x", 20)
    assert np.abs(pixels.astype(int) - 127).max() < 8  # without antialiasing: 0 or 255


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 64))
@settings(max_examples=50, deadline=None)
def test_resize_keeps_short_side_and_aspect(width: int, height: int, short_side: int):
    resized = resize(Image.new("RGB", (width, height)), short_side, "x")
    assert min(resized.size) == short_side
    scale = short_side / min(width, height)
    assert abs(max(resized.size) - scale * max(width, height)) <= 0.5


@pytest.mark.parametrize("suffix", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_truncated_files_are_named(encode: Callable[..., bytes], suffix: str, part: float):
    data = encode(0, (64, 48), suffix)
    with pytest.raises(BadImageError, match="photo"):
        decode(data[: int(len(data) * part)], "photo")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html>not found</html>", "no image format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image format"),
        (png_header(20_000, 20_000), "20000x20000 pixels|exceeds limit"),
        (png_header(10_001, 10_000), "10001x10000 pixels"),
        (save(Image.new("F", (2, 2)), "TIFF"), "floating-point"),
    ],
    ids=["empty", "html", "postscript", "bomb", "just too large", "float"],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_usable_image_says_why(data: bytes, reason: str):
    with pytest.raises(BadImageError, match=reason) as caught:
        decode(data, "file.jpg")
    assert caught.value.name == "file.jpg"


def test_an_elongated_image_does_not_grow_without_limit():
    data = save(Image.new("L", (100_000, 1)))
    assert MAX_PIXELS < (100_000 * 256) * 256
    with pytest.raises(BadImageError, match="more than the limit"):
        decode(data, "line.png", 256)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's remarks on what it skips
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damage_is_always_a_bad_image_or_an_image(data: st.DataObject):
    suffix = data.draw(st.sampled_from(["JPEG", "PNG", "TIFF", "WEBP", "BMP"]))
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    content = bytearray(save(Image.fromarray(noise), suffix))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadImageError):
        assert open_rgb(bytes(content), "x").mode == "RGB"


def test_error_survives_pickling():
    error = pickle.loads(pickle.dumps(BadImageError("a.jpg", "torn")))  # noqa: S301
    assert (error.name, error.reason, str(error)) == (
        "a.jpg",
        "torn",
        "a.jpg is not a usable image: torn",
    )
