"""HTML pages that need no other file: what their templates share."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, TemplateNotFound
from markupsafe import Markup, escape

from skin.analysis.drawing import DARK, LIGHT, Palette, Picture, recoloured
from skin.analysis.text import number, plural, signed, signed_span, span

_SCHEME = ("paper", "tint", "ink", "muted", "rule", "accent")
_MIMES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
_HEAD = re.compile(r"^.*?<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", re.DOTALL)
_UNSHOWN = re.compile(r"<metadata>.*?</metadata>|<style .*?</style>", re.DOTALL)
_FAMILY = re.compile(r"font-family: [^;\"]*;? ?")
_ID = re.compile(r" id=\"([^\"]*)\"")
_REFERENCE = re.compile(r"(?:xlink:href=\"|url\()#([^\")]*)")
_SPACE = re.compile(r">\s+<")
_PATH = re.compile(r" d=\"[^\"]*\"")
_CODE = re.compile(r"`([^`]+)`")
_DECIMALS = re.compile(r"(\.\d\d)\d+")


def environment(package: str) -> Environment:
    """The templates of a package, over those that all pages share."""
    loaders = [PackageLoader(name) for name in dict.fromkeys((package, "skin.analysis"))]
    templates = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "number": number,
        "signed": signed,
        "span": span,
        "signed_span": signed_span,
        "data_uri": _data_uri,
        "photo_uri": _photo_uri,
        "plural": plural,
        "prose": _prose,
        "sort_value": _sort_value,
    }
    templates.globals |= {
        "source": _sources(templates),
        "series": _series,
    }
    return templates


def inlined(picture: Picture, key: str) -> Markup | None:
    """A figure as an element of the page, in the page's own font and colours.

    It is a third of the two files that it replaces, and its text can be searched and copied.

    Args:
        picture: the figure.
        key: unique in the page; its clip paths and markers are named by it.

    Returns:
        None for a figure of colours that are not the palette's: those follow no scheme.
    """
    colored = recoloured(picture.light, _VARIABLE_FOR)
    if colored is None:
        return None
    svg = _UNSHOWN.sub("", colored.decode())
    label = f' role="img" aria-label="{escape(picture.alt)}">'
    svg = _HEAD.sub(lambda found: f"<svg {found.group(1)}{label}", svg, count=1)
    used = set(_REFERENCE.findall(svg))
    svg = _ID.sub(lambda it: f' id="{key}-{it.group(1)}"' if it.group(1) in used else "", svg)
    svg = svg.replace('xlink:href="#', f'href="#{key}-').replace("url(#", f"url(#{key}-")
    svg = _PATH.sub(_shortened, _FAMILY.sub("", svg))
    return Markup(_SPACE.sub("><", svg).strip())  # noqa: S704 - matplotlib has escaped its text


def _variables(palette: Palette) -> dict[str, str]:
    """A scheme's colours by the names of their CSS variables."""
    single = {name: getattr(palette, name) for name in _SCHEME}
    return single | {f"series-{i}": color for i, color in enumerate(palette.folds)}


# Of names that share a colour, as `ink` and the last series do in both schemes, either will do.
_VARIABLE_FOR: Mapping[str, str] = {
    color: f"var(--{name})" for name, color in _variables(LIGHT).items()
}


def _series() -> Markup:
    """The colours of series in both schemes, as CSS; `page.css` has the page's own."""
    light, dark = (
        " ".join(f"--series-{i}: {color};" for i, color in enumerate(palette.folds))
        for palette in (LIGHT, DARK)
    )
    screen = "@media screen and (prefers-color-scheme: dark)"
    return Markup(f":root {{ {light} }}\n{screen} {{ :root {{ {dark} }} }}")  # noqa: S704 - our own


def _shortened(path: re.Match[str]) -> str:
    """A path to a hundredth of a point, which no screen shows, on one line."""
    return _DECIMALS.sub(r"\1", " ".join(path.group().split())).join((" ", ""))


def _sources(templates: Environment) -> Callable[[str], Markup]:
    def source(name: str) -> Markup:
        """A style or a script as it is, without reading it as a template; empty if not there."""
        if templates.loader is None:
            return Markup()
        try:
            return Markup(templates.loader.get_source(templates, name)[0])  # noqa: S704 - our own
        except TemplateNotFound:
            return Markup()

    return source


def _prose(text: str) -> Markup:
    """Text in which what stands in backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped


def _sort_value(value: float | str) -> str:
    """What a column sorts by; nothing for a figure that is undefined."""
    return "" if isinstance(value, float) and math.isnan(value) else str(value)


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _photo_uri(data: bytes) -> str:
    mime = next(mime for magic, mime in _MIMES.items() if data.startswith(magic))
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
