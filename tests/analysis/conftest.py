from __future__ import annotations

from html.parser import HTMLParser

import pytest


class Page(HTMLParser):
    """What the tests ask of a page: its tags with attributes, balanced, and its text."""

    VOID = frozenset({"meta", "source", "img", "input"})

    def __init__(self, html) -> None:
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def parse_page() -> type[Page]:
    """Parse a page."""
    return Page
