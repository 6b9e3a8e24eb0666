"""A page of sections as files: HTML that needs no other, tables, figures for papers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from skin import __version__
from skin.analysis.blocks import Block, Cell, Gallery, Plot, Section, Table
from skin.analysis.export import figure_files, table_files
from skin.analysis.pages import environment, inlined
from skin.analysis.text import DASH
from skin.errors import SkinError
from skin.files import replacing, require_writable, write_text

_WRITTEN = ".written"
_FIGURE = re.compile(r"[\d+\-\N{MINUS SIGN}.<>~]")


@dataclass(frozen=True, eq=False)
class Page:
    """What a page says, before it is HTML.

    Attributes:
        title: what it found, in one sentence; its headline.
        eyebrow: above it, what it is of.
        lead: paragraphs below it, the first one set off.
        sections: in order; their findings make up the summary beside the headline's figure.
        notes: on how to read it, at its end.
        figure: beside the summary; the one that a reader should see first.
    """

    title: str
    eyebrow: str
    lead: Sequence[str]
    sections: Sequence[Section]
    notes: Sequence[str] = ()
    figure: Plot | None = field(default=None)


class Row(NamedTuple):
    """Blocks that stand in a row: narrow ones side by side, any other alone."""

    blocks: tuple[Block, ...]
    together: bool


def write_page(
    page: Page,
    folder: Path,
    *,
    figures: Sequence[str] = (),
    beside: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write index.html, tables/<name>.csv, .md and .tex, and figures/<name>.<format>, or nothing.

    The same page gives the same files, byte for byte. Of the files that an earlier page left in
    the folder, those that this one does not write are removed; nobody else's are.

    Args:
        page: to write.
        folder: made if need be.
        figures: formats to write each figure in: svg, png, pdf.
        beside: other files of the page, by name.

    Returns:
        The files, index.html first.

    Raises:
        SkinError: a format is unknown, or `folder` is a file or cannot be written into.
    """
    require_writable(folder)
    files = {
        "index.html": render(page).encode(),
        **{name: text.encode() for name, text in (beside or {}).items()},
        **table_files(page.sections),
        **figure_files(page.sections, page.figure, figures),
    }
    before = _written(folder)
    with ExitStack() as stack:  # all are written before the first one is put in its place
        for name, content in files.items():
            stack.enter_context(replacing(folder / name)).write_bytes(content)
    for name in before - files.keys():
        (folder / name).unlink(missing_ok=True)
    write_text(folder / _WRITTEN, "".join(f"{name}\n" for name in sorted(files)))
    return [folder / name for name in files]


def render(page: Page) -> str:
    """The page as HTML."""
    template = environment("skin.analysis").get_template("blocks.html.j2")
    count = itertools.count()
    return template.render(
        page=page,
        headline=page.title,
        rows=rows,
        textual=textual,
        kind=lambda block: type(block).__name__,
        inlined=lambda picture: inlined(picture, f"f{next(count)}"),
        single=_single,
        version=__version__,
    )


def rows(blocks: Sequence[Block]) -> Iterator[Row]:
    """Put narrow blocks that follow each other into a row."""
    waiting: list[Block] = []
    for block in blocks:
        if _narrow(block):
            waiting.append(block)
            continue
        if waiting:
            yield Row(tuple(waiting), together=True)
            waiting = []
        yield Row((block,), together=False)
    if waiting:
        yield Row(tuple(waiting), together=True)


def textual(table: Table) -> list[bool]:
    """Which columns beside the first hold words or bars, which are set from the left."""
    columns = zip(*(line.cells for line in table.lines), strict=True)
    return [_textual(column, table.layout) for column in columns]


def _textual(column: Sequence[Cell], layout: str) -> bool:
    if any(cell.share is not None for cell in column):
        return layout == "bars"
    known = [cell.text for cell in column if cell.text != DASH]
    return bool(known) and not any(map(_FIGURE.match, known))


def _narrow(block: Block) -> bool:
    return isinstance(block, (Table, Plot)) and not block.wide


def _single(gallery: Gallery) -> bool:
    """Whether each strip is one photograph, so that they are set as a grid."""
    return all(len(strip.photos) == 1 for strip in gallery.strips)


def _written(folder: Path) -> set[str]:
    """The files that an earlier page left in a folder, as it recorded them."""
    record = folder / _WRITTEN
    if not record.exists():
        return set()
    names = set(record.read_text(encoding="utf-8").splitlines())
    inside = folder.resolve()
    if not all((inside / name).resolve().is_relative_to(inside) for name in names):
        raise SkinError(f"{record} names files outside its folder: remove it")
    return names
