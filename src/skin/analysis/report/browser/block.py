"""What the browser's template needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Browser:
    """The image browser, a block of a page; its template is `browser.html.j2`.

    Attributes:
        macro: the template's macro that renders it.
        data: what `columns.to_json` gives, safe within a `<script>`.
        pictures: what `pictures.to_json` gives, safe within a `<script>`.
        images: how many images it holds.
        runs: the names of the runs and ensembles, best first.
        notice: what is not there, as pictures, and how to get it; empty for nothing.
        table: the file with the same figures for those without JavaScript.
    """

    macro: ClassVar[str] = "browser"

    data: str
    pictures: str
    images: int
    runs: tuple[str, ...]
    notice: str
    table: str
