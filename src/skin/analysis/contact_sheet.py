"""Contact sheets: strips of photographs as pictures that any program shows."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from textwrap import wrap

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont

from skin.analysis.blocks import Photo, Strip
from skin.analysis.drawing import LIGHT
from skin.files import replacing

_WIDTH, _HEIGHT = 1980, 2600  # of a page, in pixels; one strip may be larger
_MARGIN, _GAP = 28, 10
_TEXT, _HEAD, _LINE = 13, 17, 18  # font sizes, and a line's height
_BAR = 4  # under a photograph, that says right or wrong beside the words
_TONES = {"good": LIGHT.folds[0], "bad": LIGHT.folds[1]}  # blue and orange, for every eye


@dataclass
class ContactSheets:
    """Pages of strips, `contact_sheet.png`, `contact_sheet_2.png` and so on.

    Strips stand beside each other while there is room. A page is written when it is full, so that
    memory does not grow with their number.

    Attributes:
        folder: where to.
        paths: the pages written.
    """

    folder: Path
    paths: list[Path] = field(default_factory=list)
    _page: Image.Image | None = None
    _x: int = _MARGIN
    _y: int = _MARGIN
    _below: int = _MARGIN  # where the next row begins
    _right: int = 0  # where the page may end

    def heading(self, text: str) -> None:
        """Begin a part of that name, on a row of its own."""
        self._break_row()
        strip = _text(text, _font(_HEAD, bold=True), LIGHT.ink, _WIDTH - 2 * _MARGIN)
        self._place(strip, keep=300)  # not alone at a page's end
        self._x, self._y = _MARGIN, self._below - _MARGIN // 2

    def add(self, strip: Strip) -> None:
        """Add a strip."""
        self._place(_draw_strip(strip))

    def close(self) -> list[Path]:
        """Write the last page, remove those of an earlier and longer one, and give the pages."""
        self._write()
        number = len(self.paths) + 1
        while (stale := self._path(number)).exists():
            stale.unlink()
            number += 1
        return self.paths

    def _place(self, drawn: Image.Image, keep: int = 0) -> None:
        if self._x > _MARGIN and self._x + drawn.width > _WIDTH - _MARGIN:
            self._break_row()
        if self._y > _MARGIN and self._y + drawn.height + keep > _HEIGHT - _MARGIN:
            self._write()
        if self._page is None:
            self._page = Image.new("RGB", (_WIDTH, _HEIGHT), LIGHT.paper)
        width = max(self._page.width, self._x + drawn.width + _MARGIN)
        height = max(self._page.height, self._y + drawn.height + _MARGIN)
        if (width, height) != self._page.size:
            self._page = _extended(self._page, width, height)
        self._page.paste(drawn, (self._x, self._y))
        self._right = max(self._right, self._x + drawn.width + _MARGIN)
        self._x += drawn.width + 2 * _MARGIN
        self._below = max(self._below, self._y + drawn.height + _MARGIN)

    def _break_row(self) -> None:
        self._x, self._y = _MARGIN, self._below

    def _write(self) -> None:
        if self._page is None:
            return
        path = self._path(len(self.paths) + 1)
        used = self._page.crop((0, 0, self._right, self._below))
        with replacing(path) as temporary:
            used.save(temporary, "PNG")
        self.paths.append(path)
        self._page, self._right = None, 0
        self._x = self._y = self._below = _MARGIN

    def _path(self, number: int) -> Path:
        return self.folder / ("contact_sheet.png" if number == 1 else f"contact_sheet_{number}.png")


def _draw_strip(strip: Strip) -> Image.Image:
    photos = [_draw_photo(photo) for photo in strip.photos]
    width = sum(photo.width for photo in photos) + _GAP * (len(photos) - 1)
    head = _text(strip.head, _font(_TEXT, bold=True), LIGHT.ink, width)
    note = _text(strip.note, _font(_TEXT), LIGHT.muted, width)
    height = head.height + max(photo.height for photo in photos) + note.height
    drawn = Image.new("RGB", (width, height), LIGHT.paper)
    drawn.paste(head, (0, 0))
    x = 0
    for photo in photos:
        drawn.paste(photo, (x, head.height))
        x += photo.width + _GAP
    drawn.paste(note, (0, height - note.height))
    return drawn


def _draw_photo(photo: Photo) -> Image.Image:
    """A photograph with its lines below, the first one set off."""
    pixels = Image.open(io.BytesIO(photo.data)).convert("RGB")
    texts = [
        _text(line, _font(_TEXT, bold=i == 0), LIGHT.muted if i else LIGHT.ink, pixels.width)
        for i, line in enumerate(photo.lines)
    ]
    height = pixels.height + 2 * _BAR + sum(text.height for text in texts)
    drawn = Image.new("RGB", (pixels.width, height), LIGHT.paper)
    drawn.paste(pixels, (0, 0))
    if photo.tone in _TONES:
        bar = (0, pixels.height, pixels.width, pixels.height + _BAR - 1)
        ImageDraw.Draw(drawn).rectangle(bar, fill=_TONES[photo.tone])
    y = pixels.height + 2 * _BAR
    for text in texts:
        drawn.paste(text, (0, y))
        y += text.height
    return drawn


def _text(text: str, font: ImageFont.FreeTypeFont, colour: str, width: int) -> Image.Image:
    """Set text in lines of at most so many pixels; no text has no height."""
    letters = max(int(width / font.getlength("n")), 1)
    lines = wrap(text, letters)
    step = _LINE + font.size - _TEXT
    drawn = Image.new("RGB", (width, int(step * len(lines))), LIGHT.paper)
    pen = ImageDraw.Draw(drawn)
    for i, line in enumerate(lines):
        pen.text((0, i * step), line, fill=colour, font=font)
    return drawn


@cache
def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The font that comes with matplotlib, so that a sheet looks the same everywhere."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name), size)


def _extended(page: Image.Image, width: int, height: int) -> Image.Image:
    """A page with more room to the right or below."""
    larger = Image.new("RGB", (width, height), LIGHT.paper)
    larger.paste(page, (0, 0))
    return larger
