"""A page's tables as CSV, Markdown and LaTeX, and its figures as files for papers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from skin.analysis.blocks import Line, Plot, Section, Table, plots, tables
from skin.analysis.drawing import Format
from skin.analysis.text import markdown_table
from skin.errors import SkinError, did_you_mean

FORMATS: tuple[Format, ...] = get_args(Format)

_UNSAFE = re.compile(r"[^\w.+-]+")
_MARKDOWN = re.compile(r"([\\`*<>\[\]&$])")
_LATEX: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "\n": " ",
    "\N{NO-BREAK SPACE}": "~",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MIDDLE DOT}": r"$\cdot$",
    "\N{RIGHTWARDS ARROW}": r"$\to$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\le$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\ge$",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{DEGREE SIGN}": r"$^\circ$",
}
_TO_LATEX = str.maketrans(dict(_LATEX))


def table_files(sections: Sequence[Section]) -> dict[str, bytes]:
    """All tables of a page: the figures as CSV, what is shown as Markdown and LaTeX."""
    shown = list(tables(sections))
    files: dict[str, bytes] = {}
    for stem, table in zip(stems(table.name for table in shown), shown, strict=True):
        files[f"tables/{stem}.csv"] = table.frame.to_csv(index=False).encode()
        files[f"tables/{stem}.md"] = markdown(table).encode()
        files[f"tables/{stem}.tex"] = latex(table, stem).encode()
    return files


def figure_files(
    sections: Sequence[Section], first: Plot | None, forms: Sequence[str]
) -> dict[str, bytes]:
    """All figures of a page, drawn for papers in each of the formats; of one name, numbered.

    Raises:
        SkinError: a format is unknown.
    """
    wanted = require_formats(forms)
    shown = [*([first] if first else []), *(plot for plot in plots(sections) if plot is not first)]
    return {
        f"figures/{stem}.{form}": _drawn(plot, form)
        for stem, plot in zip(stems(plot.name for plot in shown), shown, strict=True)
        for form in wanted
    }


def require_formats(forms: Sequence[str]) -> list[Format]:
    """Give the formats that figures are to be written in, each once.

    Raises:
        SkinError: one is unknown.
    """
    unknown = [form for form in forms if form not in FORMATS]
    if unknown:
        known = did_you_mean(unknown[0], FORMATS)
        raise SkinError(f"unknown format of figures '{unknown[0]}': {known}")
    return [form for form in FORMATS if form in forms]


def stems(names: Iterable[str]) -> Iterator[str]:
    """File names without suffix: the names without what a file system or a shell reads as its own.

    Names that become alike, on a file system that ignores case too, are numbered.
    """
    taken: set[str] = set()
    for name in names:
        stem = plain = _UNSAFE.sub("-", name).strip("-.") or "unnamed"
        number = 2
        while stem.casefold() in taken:
            stem, number = f"{plain}-{number}", number + 1
        taken.add(stem.casefold())
        yield stem


def markdown(table: Table) -> str:
    """What a table shows, as Markdown."""
    rows = [[*map(_one_line, table.heads)], *([_marked(it), *_texts(it)] for it in table.lines)]
    parts = [
        f"**{_markdown(table.title)}**" if table.title else "",
        markdown_table([[_markdown(cell) for cell in row] for row in rows]),
        _markdown(table.caption),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def latex(table: Table, label: str) -> str:
    """What a table shows, as LaTeX; it needs the package booktabs."""
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escape(' '.join(filter(None, (_stopped(table.title), table.caption))))}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(table.heads) - 1)}}}",
        r"\toprule",
        _latex_row(map(_escape, map(_one_line, table.heads))),
        r"\midrule",
        *(
            _latex_row(
                rf"\textbf{{{cell}}}" if line.best and cell else cell
                for cell in map(_escape, (_marked(line), *_texts(line)))
            )
            for line in table.lines
        ),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _drawn(plot: Plot, form: Format) -> bytes:
    render = plot.picture.render
    if render is None:
        raise ValueError(f"figure {plot.name} was not drawn by skin.analysis.drawing")
    return render(form)


def _marked(line: Line) -> str:
    return f"{line.head} ({', '.join(line.marks)})" if line.marks else line.head


def _texts(line: Line) -> Iterator[str]:
    for cell in line.cells:
        yield f"{cell.text} ({cell.below})" if cell.below else cell.text


def _one_line(head: str) -> str:
    return " ".join(head.split())


def _stopped(title: str) -> str:
    return f"{title}." if title and title[-1] not in ".?!" else title


def _markdown(text: str) -> str:
    """Text that Markdown shows as it is; `markdown_table` takes care of bars."""
    return _MARKDOWN.sub(r"\\\1", text)


def _escape(text: str) -> str:
    return text.translate(_TO_LATEX)


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
