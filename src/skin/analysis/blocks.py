"""What a page is made of: sections of tables, figures, photographs and sentences.

The modules that work a section out give these and know nothing of HTML; the same tables become
CSV, Markdown and LaTeX, and the same figures SVG, PNG and PDF.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import pandas as pd

from skin.analysis.drawing import Picture

Tone = Literal["plain", "quiet", "good", "bad"]


@dataclass(frozen=True)
class Cell:
    """A table's cell.

    Attributes:
        text: what it says.
        below: a second, smaller line, as an interval.
        tone: `good` and `bad` are for what an interval supports, never for a bare value.
        value: what its column sorts by; None sorts by `text`.
        share: fills the cell's background, 0 to 1, as a bar or a heatmap's colour does.
    """

    text: str
    below: str = ""
    tone: Tone = "plain"
    value: float | str | None = None
    share: float | None = None


@dataclass(frozen=True)
class Line:
    """A table's row.

    Attributes:
        head: its name.
        cells: as many as the table's heads, less the first.
        marks: small labels beside the name, as `leaking`.
        best: whether it is set off from the others.
    """

    head: str
    cells: Sequence[Cell]
    marks: Sequence[str] = ()
    best: bool = False


@dataclass(frozen=True, eq=False)
class Table:
    """One table, for readers and for programs.

    Attributes:
        name: of its files, unique in a report, as `subgroups` or `confusion-resnet50`.
        title: a line above it; empty for none.
        heads: of the columns; the first is of the rows' names.
        lines: its rows, as they are shown.
        frame: all its figures, unrounded, a row a fact, for the CSV.
        caption: what a reader must know; empty for none.
        layout: `confusion` colours the cells by `Cell.share`, `bars` draws it as a bar.
        wide: whether it takes the page's width; narrow ones stand side by side.
    """

    name: str
    title: str
    heads: Sequence[str]
    lines: Sequence[Line]
    frame: pd.DataFrame
    caption: str = ""
    layout: Literal["plain", "confusion", "bars"] = "plain"
    wide: bool = True


@dataclass(frozen=True, eq=False)
class Plot:
    """One figure; narrow ones stand side by side.

    Attributes:
        name: of its files, unique in a report, as `roc-malignant`.
        picture: in a light and a dark scheme.
        caption: what a reader must know; empty for none.
        wide: whether it takes the page's width.
    """

    name: str
    picture: Picture
    caption: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Words:
    """A paragraph; a warning is set off."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Photo:
    """A photograph, or a heatmap over one.

    Attributes:
        data: the content of a JPEG, PNG or WebP file.
        alt: the text for those who do not see it.
        lines: below it, the first one set off.
        tone: `good` or `bad` marks what is right or wrong.
    """

    data: bytes
    alt: str
    lines: Sequence[str] = ()
    tone: Tone = "plain"


@dataclass(frozen=True)
class Strip:
    """Photographs that belong together, as one image under several models."""

    head: str
    photos: Sequence[Photo]
    note: str = ""


@dataclass(frozen=True)
class Gallery:
    """Strips under one title.

    Attributes:
        name: unique in a report.
        title: a line above it.
        strips: each a row of photographs of one size, or one photograph.
        caption: what a reader must know; empty for none.
    """

    name: str
    title: str
    strips: Sequence[Strip]
    caption: str = ""


class Widget(Protocol):
    """A block with a template of its own: the macro of its name in `<macro>.html.j2`.

    Attributes:
        macro: the name; it is called with the block.
    """

    macro: ClassVar[str]


@dataclass(frozen=True)
class Group:
    """Blocks under a heading of their own; closed ones open at a click."""

    title: str
    blocks: Sequence[Block]
    closed: bool = False


Block = Table | Plot | Words | Gallery | Widget | Group


@dataclass(frozen=True)
class Section:
    """One part of a page.

    Attributes:
        key: of its anchor, as `subgroups`.
        title: as short as it can be: it stands in the page's contents too.
        blocks: in order.
        intro: a sentence or two on how to read it; empty for none.
        finding: what it found, in one sentence, for the page's summary; empty for nothing.
    """

    key: str
    title: str
    blocks: Sequence[Block]
    intro: str = ""
    finding: str = ""


def tables(sections: Sequence[Section]) -> Iterator[Table]:
    """All tables of a page, in order."""
    for section in sections:
        for block in _flat(section.blocks):
            if isinstance(block, Table):
                yield block


def plots(sections: Sequence[Section]) -> Iterator[Plot]:
    """All figures of a page, in order."""
    for section in sections:
        for block in _flat(section.blocks):
            if isinstance(block, Plot):
                yield block


def _flat(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Group):
            yield from _flat(block.blocks)
