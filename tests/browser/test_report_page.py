"""What holds for the whole page, and the tables that all pages have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def whole(visit, whole_report) -> Callable:
    """Open the whole report, its image browser at a view."""

    def open_at(view="", **options) -> Page:
        page = visit(f"{whole_report.url}#browser?{view}", **options)
        page.wait_for_selector(".results .cards button")
        return page

    return open_at


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_schemes(whole, scheme):
    page = whole("show=all", color_scheme=scheme)

    paper, ink, muted = page.evaluate(
        """() => {
          const style = getComputedStyle(document.documentElement);
          return ["--paper", "--ink", "--muted"].map((name) => style.getPropertyValue(name));
        }"""
    )
    assert _contrast(paper, ink) > 7
    assert _contrast(paper, muted) > 4.5
    assert (_luminance(paper) > 0.5) == (scheme == "light")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == f"rgb({', '.join(str(one) for one in _channels(paper))})"


@pytest.mark.parametrize("width", [390, 768, 1600])
def test_no_width_makes_the_page_scroll_sideways(whole, width):
    page = whole("show=all", viewport={"width": width, "height": 844})

    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.click(".results .cards button >> nth=0")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    dialog = page.locator("dialog[open]").bounding_box()
    assert dialog["x"] >= 0
    assert dialog["x"] + dialog["width"] <= width


def test_prints_the_page_of_results_without_controls(whole):
    page = whole("show=wrong&true=NV")
    page.emulate_media(media="print")

    assert not page.is_visible(".filters")
    assert not page.is_visible(".pager")
    assert page.inner_text(".results .told").startswith(
        "alpha, decision wrong; true class NV Melanocytic nevus"
    )
    assert page.is_visible(".cards button >> nth=0")
    assert page.pdf()[:4] == b"%PDF"


def test_is_ready_soon(visit, whole_report):
    page = visit(whole_report.url)
    page.wait_for_selector(".cards button")

    ready = page.evaluate("performance.getEntriesByName('browser-ready')[0].startTime")
    assert ready < 2000


def test_every_picture_has_a_text(whole):
    page = whole("show=all")

    silent = "img:not([alt]), img[alt=''], svg[role=img]:not([aria-label])"
    assert page.locator(silent).count() == 0
    assert page.locator(".results img").count() > 0


def test_every_control_has_a_name(whole):
    page = whole("show=all&image=none")

    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input, select, button")]
          .filter((it) => !it.labels?.length && !it.ariaLabel && !it.textContent.trim())
          .map((it) => it.outerHTML)"""
    )
    assert unnamed == []


@pytest.fixture
def table(visit, tmp_path, report):
    """Show a table of a page that has only what all pages have, its cells given row by row."""
    script = _inline_script(report)

    def show(heads, rows, footer="") -> Page:
        head = "".join(f'<th scope="col">{it}</th>' for it in heads)
        body = "".join(
            f'<tr><th scope="row">{first}</th>' + "".join(rest) + "</tr>" for first, *rest in rows
        )
        html = (
            f"<!doctype html><title>x</title><table class=sortable><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody>{footer}</table><details><summary>More</summary>"
            f"<p id=inside>text</p></details><script>{script}</script>"
        )
        path = tmp_path / "table.html"
        path.write_text(html, encoding="utf-8")
        return visit(path.as_uri())

    return show


def _inline_script(report) -> str:
    """Give the script of all pages, as the report has it."""
    html = (report.folder / "index.html").read_text(encoding="utf-8")
    scripts = html.split("<script>")[1:]
    (script,) = [one for one in scripts if "makeSortable" in one]
    return script.split("</script>")[0]


def order(page) -> list[str]:
    return page.locator("tbody th").all_text_contents()


def test_a_table_sorts_by_its_heads(table):
    page = table(
        ["Run", "Score"],
        [
            ("b", "<td>0.9<small>0.1 to 1</small></td>"),
            ("a", "<td>0.75</td>"),
            ("c10", "<td>—</td>"),
            ("c9", "<td>1,200</td>"),
            ("d", "<td>&minus;3.5</td>"),
            ("e", "<td>0.75</td>"),
        ],
    )
    head = page.locator("thead th").nth(1)

    head.locator("button").click()
    assert order(page) == ["c9", "b", "a", "e", "d", "c10"]  # figures start with the largest
    assert head.get_attribute("aria-sort") == "descending"
    assert head.locator(".sort-arrow").text_content() == "↓"
    head.locator("button").press("Enter")
    assert order(page) == ["d", "a", "e", "b", "c9", "c10"]  # ties stay, what is missing is last
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Space")
    assert order(page) == ["b", "a", "c10", "c9", "d", "e"]
    assert head.get_attribute("aria-sort") is None
    assert head.locator(".sort-arrow").text_content() == ""

    page.click("thead th >> nth=0 >> button")
    assert order(page) == ["a", "b", "c9", "c10", "d", "e"]
    assert page.locator("[aria-sort]").count() == 1


def test_a_table_sorts_by_given_values(table):
    page = table(
        ["Class", "Time"],
        [
            ("x", '<td data-value="3600">1 h</td>'),
            ("y", '<td data-value="70">1 min 10 s</td>'),
            ("z", '<td data-value="7200">2 h</td>'),
        ],
        footer="<tfoot><tr><td>all</td><td>3 h</td></tr></tfoot>",
    )

    page.click("thead th >> nth=1 >> button")

    assert order(page) == ["z", "x", "y"]
    assert page.locator("tr").last.locator("td").first.inner_text() == "all"


def test_what_is_folded_opens_for_print_and_for_a_link(table):
    page = table(["A", "B"], [("a", "<td>1</td>")])
    is_open = "document.querySelector('details').open"
    assert not page.evaluate(is_open)

    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(is_open)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.evaluate(is_open)
    page.evaluate("location.hash = '#inside'")
    page.wait_for_function(is_open)


def test_tables_of_the_report_sort(visit, report):
    page = visit(report.url)
    table = page.locator("table.sortable").first
    before = table.locator("tbody th").all_text_contents()

    table.locator("thead button").first.click()

    assert sorted(before) == sorted(table.locator("tbody th").all_text_contents())
    assert table.locator("thead th").first.get_attribute("aria-sort") == "ascending"


def _channels(color) -> tuple[int, ...]:
    return tuple(int(color.strip()[i : i + 2], 16) for i in (1, 3, 5))


def _luminance(color) -> float:
    """Relative luminance of a colour as #rrggbb, as WCAG 2.2 defines it."""
    shares = [one / 255 for one in _channels(color)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other) -> float:
    dark, light = sorted([_luminance(one), _luminance(other)])
    return (light + 0.05) / (dark + 0.05)
