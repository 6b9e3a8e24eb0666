"""Drawn photographs as PNG files."""

from __future__ import annotations

import io

from PIL import Image


def png(jpeg: bytes) -> bytes:
    """Encode a JPEG file's pixels anew."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(buffer, "PNG")
    return buffer.getvalue()
