"""Figures, each for a light and for a dark page as SVG, and for papers as SVG, PNG and PDF."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, replace
from typing import Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skin.analysis.statistics import Interval

WIDTH = 5.2  # of a figure half a page wide, in inches
FULL_WIDTH = 10.8  # of one that takes the page, its text as large
_FONTS = ["Inter", "Helvetica Neue", "Helvetica", "Arial", "DejaVu Sans"]
_DPI = 300
_COLOR = re.compile(r"(?<=fill: |roke: )#[0-9a-f]{6}")

Format = Literal["svg", "png", "pdf"]


@dataclass(frozen=True)
class Palette:
    """Colours of one scheme, the page's. `folds` is the set of Okabe and Ito, colour-blind-safe."""

    paper: str
    tint: str
    ink: str
    muted: str
    rule: str
    accent: str
    folds: tuple[str, ...]


LIGHT = Palette(
    paper="#fdfcfa",
    tint="#f3f5f6",
    ink="#1d2126",
    muted="#646b73",
    rule="#dfe1e4",
    accent="#0072b2",
    folds=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1d2126"),
)
DARK = Palette(
    paper="#16181b",
    tint="#1e2125",
    ink="#e8e6e1",
    muted="#9aa1a9",
    rule="#32373d",
    accent="#56b4e9",
    folds=("#56b4e9", "#ee7d3b", "#2fc79b", "#dd9bbf", "#f0b840", "#4b93d1", "#e8e6e1"),
)


_PAPER = replace(LIGHT, paper="#ffffff")


def _colors(palette: Palette) -> list[str]:
    *single, several = astuple(palette)
    return [*single, *several]


_DARK_FOR: Mapping[str, str] = dict(zip(_colors(LIGHT), _colors(DARK), strict=True))


@dataclass(frozen=True)
class Picture:
    """One figure as SVG in both schemes, with the text for those who do not see it.

    Attributes:
        light: for a light page.
        dark: for a dark one.
        alt: the text for those who do not see it.
        render: draws it anew for a paper, on white, as a file of the format.
    """

    light: bytes
    dark: bytes
    alt: str
    render: Callable[[Format], bytes] | None = field(default=None, compare=False, repr=False)


def draw(
    alt: str,
    height: float,
    paint: Callable[[Axes, Palette], None],
    *,
    opaque: bool = False,
    width: float = WIDTH,
) -> Picture:
    """Draw a figure of one pair of axes, in both schemes.

    Args:
        alt: the text for those who do not see it.
        height: in inches.
        paint: paints the figure's axes.
        opaque: on the page's own colour, for a file that is shown on any page.
        width: in inches; half a page if not given.
    """

    def paint_axes(figure: Figure, palette: Palette) -> None:
        paint(figure.subplots(), palette)

    return draw_figure(alt, (width, height), paint_axes, opaque=opaque)


def draw_figure(
    alt: str,
    size: tuple[float, float],
    paint: Callable[[Figure, Palette], None],
    *,
    opaque: bool = False,
) -> Picture:
    """Draw a figure of any axes, in both schemes.

    A painter that takes its colours from the palette alone is called once: the dark figure is the
    light one in the other scheme's colours.

    Args:
        alt: the text for those who do not see it.
        size: width and height in inches; a page is `FULL_WIDTH` wide.
        paint: makes and paints the axes.
        opaque: on the page's own colour, for a file that is shown on any page.
    """

    def render(form: Format) -> bytes:
        return _draw(size, paint, _PAPER, form, opaque=True)

    light = _draw(size, paint, LIGHT, "svg", opaque=opaque)
    dark = recoloured(light, _DARK_FOR)
    if dark is None:
        dark = _draw(size, paint, DARK, "svg", opaque=opaque)
    return Picture(light, dark, alt, render)


def recoloured(svg: bytes, colors: Mapping[str, str]) -> bytes | None:
    """Give a figure other colours; None where it has some that the mapping does not know."""
    text = svg.decode()
    if "<image" in text or not set(_COLOR.findall(text)) <= colors.keys():
        return None
    return _COLOR.sub(lambda found: colors[found.group()], text).encode()


def paint_intervals(
    axes: Axes, palette: Palette, names: Sequence[str], intervals: Sequence[Interval]
) -> None:
    """Paint values as dots and their intervals as lines, a row a name, the first on top."""
    paint_dots(axes, range(len(names)), intervals, palette.accent)
    name_rows(axes, palette, names)


def paint_dots(
    axes: Axes,
    places: Sequence[float],
    intervals: Sequence[Interval],
    color: str,
    *,
    marker: str = "o",
    fill: str | None = None,
    label: str = "",
) -> None:
    """Paint dots and their intervals at heights of one's own.

    Args:
        axes: to paint on.
        places: the heights.
        intervals: as many.
        color: of the lines and the dots.
        marker: the dots' shape.
        fill: the dots' inside; none: as their rim.
        label: in the legend, if there is to be one.
    """
    axes.hlines(
        places,
        [interval.low for interval in intervals],
        [interval.high for interval in intervals],
        color=color,
        linewidth=2,
    )
    axes.plot(
        [interval.value for interval in intervals],
        places,
        marker,
        color=color,
        markerfacecolor=fill or color,
        markersize=7,
        label=label,
    )


def name_rows(axes: Axes, palette: Palette, names: Sequence[str]) -> None:
    """Name rows at the heights 0, 1, and so on, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", labelcolor=palette.ink)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=palette.rule, linewidth=0.8)


def height_of(names: Sequence[str]) -> float:
    """The height, in inches, of a figure with a row a name."""
    return 0.9 + 0.36 * len(names)


def _draw(
    size: tuple[float, float],
    paint: Callable[[Figure, Palette], None],
    palette: Palette,
    form: Format,
    *,
    opaque: bool,
) -> bytes:
    # Without them, the same figure is the same file.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[form]
    with _style(palette):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure, palette)
        drawn = io.BytesIO()
        figure.savefig(drawn, format=form, transparent=not opaque, metadata=metadata, dpi=_DPI)
    return drawn.getvalue()


@contextmanager
def _style(palette: Palette) -> Iterator[None]:
    with mpl.rc_context(
        {
            "font.family": "sans-serif",
            "font.sans-serif": _FONTS,
            "font.size": 10,
            "svg.fonttype": "none",  # text stays text, in the page's kind of font
            "svg.hashsalt": "skin",  # the same figure is the same file
            "pdf.fonttype": 42,  # TrueType: publishers refuse Type 3 fonts
            "text.color": palette.ink,
            "text.parse_math": False,  # a dollar in a name is a dollar
            "figure.facecolor": palette.paper,
            "axes.facecolor": palette.paper,
            "axes.edgecolor": palette.rule,
            "axes.labelcolor": palette.muted,
            "axes.titlesize": 10.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.titlepad": 10,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "lines.linewidth": 1.5,
            "path.simplify_threshold": 0.5,  # of a pixel, unseen; ROC curves of 10,000 images
            "legend.fontsize": 9,
            "xtick.color": palette.rule,
            "ytick.color": palette.rule,
            "xtick.labelcolor": palette.muted,
            "ytick.labelcolor": palette.muted,
            "ytick.major.size": 0,
        }
    ):
        yield
