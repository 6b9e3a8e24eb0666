"""HTML pages that need no other file: what their templates share."""

from __future__ import annotations

import base64

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from skin.analysis.text import number, plural, signed, signed_span, span


def environment(package: str) -> Environment:
    """The templates of a package, over those that all pages share."""
    loaders = [PackageLoader(name) for name in (package, "skin.analysis")]
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
        "plural": plural,
    }
    return templates


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
