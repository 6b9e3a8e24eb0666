from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page


def cards(page) -> list[str]:
    """Give the ids of the images that are shown."""
    return page.locator(".results .cards .id").all_text_contents()


def status(page) -> str:
    return page.inner_text("[role=status]")


def settled(page) -> dict[str, str]:
    """Give what the address keeps of the view, once it is written."""
    page.wait_for_timeout(250)
    fragment = page.evaluate("location.hash")
    return {name: value[0] for name, value in parse_qs(fragment.partition("?")[2]).items()}


@pytest.fixture(scope="module")
def truth(report):
    return report.truth.set_index("image_id")


@pytest.fixture(scope="module")
def linked(chromium, report) -> Callable:
    """Go to a view by a link within one and the same page."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(report.url)
    page.wait_for_selector(".cards button")

    def go_to(view) -> Page:
        page.evaluate(
            """(hash) => new Promise((done) => {
              addEventListener("hashchange", done, { once: true });
              location.hash = hash;
            })""",
            f"browser?{view}",
        )
        return page

    yield go_to
    context.close()


def test_opens_with_the_best_runs_most_confident_errors(visit, report, truth):
    page = visit(report.url)
    page.wait_for_selector(".results .cards button")

    wrong = truth[truth["alpha"] != truth["target"]].sort_values("alpha_p", ascending=False)
    assert page.input_value("[name=run]") == "alpha"
    assert cards(page) == wrong.index.tolist()
    assert status(page) == f"{len(wrong)} of {len(truth)} images"
    first = wrong.iloc[0]
    label = page.get_attribute(".cards button >> nth=0", "aria-label")
    assert label == (
        f"{wrong.index[0]}: true {first['target']}, decided {first['alpha']}, "
        f"{first['alpha_p']:.3f}, wrong"
    )
    assert page.inner_text(".cards .classes >> nth=0") == f"{first['target']} → {first['alpha']}"


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("show=all", lambda t: t["alpha"] != ""),
        ("show=right", lambda t: t["alpha"] == t["target"]),
        ("run=beta", lambda t: t["beta"] != t["target"]),
        ("run=beta&show=tied", lambda t: t["beta"] == "tied"),
        ("show=all&true=MEL", lambda t: t["target"] == "MEL"),
        ("show=all&true=malignant", lambda t: t["target"].isin(["MEL", "BCC", "AKIEC"])),
        ("show=all&decided=NV", lambda t: t["alpha"] == "NV"),
        ("show=wrong&true=MEL&decided=NV", lambda t: (t["target"] == "MEL") & (t["alpha"] == "NV")),
        ("run=beta&show=all&decided=benign", lambda t: t["beta"].isin(["NV", "BKL", "DF", "VASC"])),
        ("show=all&fold=1", lambda t: t["fold"] == 1),
        ("show=all&p=0.6-0.8", lambda t: t["alpha_p"].between(0.6, 0.8)),
        ("show=all&pt=-0.2", lambda t: t["alpha_pt"] <= 0.2),
        ("show=all&p=0.9-", lambda t: t["alpha_p"] >= 0.9),
        (
            "others=right:beta",
            lambda t: (t["alpha"] != t["target"]) & (t["beta"] == t["target"]),
        ),
        (
            "show=right&others=wrong:beta",
            lambda t: (t["alpha"] == t["target"]) & (t["beta"] != t["target"]),
        ),
        ("show=all&others=differs:beta", lambda t: t["alpha"] != t["beta"]),
        (
            "show=all&others=all-wrong",
            lambda t: (t["alpha"] != t["target"]) & (t["beta"] != t["target"]),
        ),
        (
            "show=all&others=all-right",
            lambda t: (t["alpha"] == t["target"]) & (t["beta"] == t["target"]),
        ),
        (
            "show=all&others=split",
            lambda t: (t["alpha"] == t["target"]) != (t["beta"] == t["target"]),
        ),
    ],
)
def test_a_link_gives_its_view(linked, truth, view, expected):
    page = linked(f"{view}&sort=id")

    ids = truth.index[expected(truth)].tolist()
    assert status(page).startswith(f"{len(ids)} of {len(truth)} images")
    assert cards(page) == ids[:48]
    assert ids


def test_every_control_filters_and_is_kept_in_the_address(browse, truth):
    page = browse("show=all&sort=id")

    page.select_option("[name=run]", "beta")
    page.check("[name=show][value=wrong]", force=True)
    wrong = truth["beta"] != truth["target"]
    assert cards(page) == truth.index[wrong].tolist()
    page.select_option("[name=fold]", "0")
    page.fill("[name=p_low]", "0.55")
    page.fill("[name=pt_high]", "0.4")
    chosen = wrong & (truth["fold"] == 0) & (truth["beta_p"] >= 0.55)
    assert cards(page) == truth.index[chosen].tolist()
    page.select_option("[name=true]", "NV")
    page.select_option("[name=decided]", "BCC")
    page.select_option("[name=others]", "wrong:beta")
    chosen &= truth["target"] == "NV"
    assert cards(page) == truth.index[chosen].tolist()
    page.fill("[name=q]", truth.index[chosen][0][-5:].lower())
    page.select_option("[name=sort]", "-entropy")

    assert cards(page) == [truth.index[chosen][0]]
    view = {
        "run": "beta",
        "true": "NV",
        "decided": "BCC",
        "fold": "0",
        "others": "wrong:beta",
        "p": "0.55-",
        "pt": "-0.4",
        "q": truth.index[chosen][0][-5:],
        "sort": "-entropy",
    }
    assert settled(page) == view
    page.reload()
    page.wait_for_selector(".cards button")
    assert cards(page) == [truth.index[chosen][0]]
    assert page.input_value("[name=p_low]") == "0.55"
    assert page.input_value("[name=others]") == "wrong:beta"

    page.click(".clear")

    assert settled(page) == {"run": "beta", "sort": "-entropy"}
    assert status(page) == f"{wrong.sum()} of {len(truth)} images"


def test_search_finds_images_and_lesions(browse, truth):
    page = browse("show=all&sort=id")
    lesion = truth["lesion_id"].value_counts().index[0]
    own = truth.index[truth["lesion_id"] == lesion].tolist()
    other = truth.index[truth["lesion_id"] != lesion][0]

    page.fill("[name=q]", f"{lesion.lower()}, {other}")
    assert cards(page) == sorted([*own, other])

    page.fill("[name=q]", "no such image")
    assert cards(page) == []
    assert page.is_visible(".none")
    assert status(page) == f"0 of {len(truth)} images"


@pytest.mark.parametrize(
    ("sort", "column", "ascending"),
    [
        ("confidence", "alpha_p", False),
        ("-confidence", "alpha_p", True),
        ("truth", "alpha_pt", True),
        ("-truth", "alpha_pt", False),
        # All classes but the decided one share the rest alike: the less confident, the more bits.
        ("entropy", "alpha_p", True),
        ("-entropy", "alpha_p", False),
    ],
)
def test_sorts(linked, truth, sort, column, ascending):
    page = linked(f"show=right&sort={sort}")

    right = truth[truth["alpha"] == truth["target"]]
    assert cards(page) == right.sort_values(column, ascending=ascending).index.tolist()[:48]


def test_sorts_by_the_number_of_runs_that_are_wrong(browse, truth):
    page = browse("show=all&sort=runs")

    wrong = (truth["alpha"] != truth["target"]).astype(int) + (truth["beta"] != truth["target"])
    # Those that as many get wrong stay in the order of their ids.
    assert cards(page) == wrong.sort_values(ascending=False, kind="stable").index.tolist()[:48]


def test_counts_say_what_each_choice_would_find(browse, truth):
    page = browse("true=NV")

    def count(name, value) -> int:
        text = page.text_content(f"[name={name}] option[value='{value}']")
        return int(re.search(r"\(([\d,]+)\)$", text).group(1))

    wrong = truth["alpha"] != truth["target"]
    assert count("true", "MEL") == (wrong & (truth["target"] == "MEL")).sum()
    assert count("true", "") == wrong.sum()
    assert count("decided", "BCC") == (wrong & (truth["target"] == "NV")).sum()
    assert count("decided", "MEL") == 0
    nv = truth[truth["target"] == "NV"]
    shown = {name: page.text_content(f"[data-count={name}]") for name in ("all", "right", "wrong")}
    right = (nv["alpha"] == "NV").sum()
    assert shown == {"all": f"{len(nv)}", "right": f"{right}", "wrong": f"{len(nv) - right}"}


def test_pages(browse, truth):
    page = browse("show=all&sort=id")
    ids = truth.index.tolist()
    assert 48 < len(ids) <= 96

    assert page.is_disabled("[data-go=previous]")
    page.click("[data-go=next]")
    assert cards(page) == ids[48:]
    assert status(page).endswith(f"images, 49 to {len(ids)} shown")
    assert page.is_disabled("[data-go=next]")
    assert settled(page)["page"] == "2"
    page.fill(".pager input", "1")
    page.press(".pager input", "Enter")
    assert cards(page) == ids[:48]
    page.fill(".pager input", "99")
    page.press(".pager input", "Enter")
    assert page.input_value(".pager input") == "2"
    page.check("[name=show][value=wrong]", force=True)
    assert not page.is_visible(".pager")


def test_pictures_are_the_images(browse):
    page = browse("show=all&sort=id")

    images = page.locator(".results .cards img")
    assert images.count() == 48
    assert images.first.get_attribute("src").startswith("data:image/webp;base64,")
    assert images.first.get_attribute("alt").startswith("Photograph ISIC_")
    page.wait_for_function(
        "[...document.querySelectorAll('.cards img')].every((it) => it.naturalWidth >= 40)"
    )


def test_detail_tells_all_of_an_image(browse, truth):
    page = browse("show=all&sort=id&true=NV")
    own = truth[truth["target"] == "NV"]
    lesions = own["lesion_id"].value_counts()
    shown = own.index[own["lesion_id"] == lesions.index[0]][0]

    page.click(f".cards button:has-text('{shown}')")

    dialog = page.locator("dialog[open]")
    assert dialog.locator("h3").inner_text() == shown
    text = dialog.inner_text()
    for known in ("NV Melanocytic nevus, benign", lesions.index[0], f"fold {own['fold'][shown]}"):
        assert known in text
    assert {"Age", "Sex", "Site", "Confirmed by"} <= set(dialog.locator("dt").all_inner_texts())
    rows = dialog.locator("tbody tr")
    assert rows.count() == 2
    for row, name in zip(rows.all(), ("alpha", "beta"), strict=True):
        assert row.locator("th").inner_text() == name
        decided = row.locator("td.decided")
        assert decided.inner_text() == f"{own[f'{name}_p'][shown]:.3f}"
        share = decided.locator(".level").evaluate("it => it.style.getPropertyValue('--share')")
        assert float(share) == pytest.approx(own[f"{name}_p"][shown], abs=1e-4)
    assert "NV" in dialog.locator("th.true").inner_text()
    others = dialog.locator(".cards .id").all_text_contents()
    assert others == [i for i in own.index[own["lesion_id"] == lesions.index[0]] if i != shown]
    assert settled(page)["image"] == shown


def test_detail_by_keyboard(browse, truth):
    page = browse("show=all&sort=id")
    ids = truth.index.tolist()

    page.focus(".cards button >> nth=0")
    for key in ("ArrowRight", "ArrowDown", "ArrowUp", "End", "Home"):
        page.keyboard.press(key)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    title = page.locator("dialog[open] h3")
    assert title.inner_text() == ids[1]
    page.keyboard.press("ArrowRight")
    assert title.inner_text() == ids[2]
    assert page.inner_text(".place") == f"3 of {len(ids)}"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # there is none before the first
    assert title.inner_text() == ids[0]
    page.keyboard.press("Escape")

    assert page.locator("dialog[open]").count() == 0
    focused = page.evaluate("document.activeElement.querySelector('.id').textContent")
    assert focused == ids[0]
    assert "image" not in settled(page)
    assert page.locator(".results .cards button[tabindex='0']").count() == 1


def test_detail_goes_on_to_the_next_page(browse, truth):
    page = browse(f"show=all&sort=id&image={truth.index[47]}")

    assert page.inner_text("dialog[open] h3") == truth.index[47]
    page.click("[data-step='1']")
    assert page.inner_text("dialog[open] h3") == truth.index[48]
    page.click("dialog .close")

    assert cards(page) == truth.index[48:].tolist()


def test_a_link_that_makes_no_sense_gives_the_usual_view(browse, truth):
    page = browse("run=gone&show=x&true=UNK&fold=9&others=right:gone&p=a-b&sort=z&page=x&image=y")

    wrong = truth[truth["alpha"] != truth["target"]].sort_values("alpha_p", ascending=False)
    assert cards(page) == wrong.index.tolist()


def test_without_the_dataset(visit, bare_report, truth):
    page = visit(f"{bare_report.url}#browser?show=all&sort=id")
    page.wait_for_selector(".cards button")

    assert "skin report --data-dir" in page.inner_text(".browser .notice")
    assert page.locator(".cards img").count() == 0
    assert cards(page) == truth.index[:48].tolist()
    assert not page.is_visible("[name=others]")  # one run has no others
    page.click(".cards button >> nth=0")
    assert page.inner_text("dialog[open] h3") == truth.index[0]
    assert page.locator("dialog[open] dt").all_inner_texts() == [
        "True class",
        "Lesion",
        "Held out in",
    ]


def test_without_javascript(visit, report):
    page = visit(report.url, java_script_enabled=False)

    said = page.inner_text(".browser")
    assert "needs JavaScript" in " ".join(said.split())
    link = page.get_attribute(".browser noscript a", "href")
    assert (report.folder / link).is_file()
    assert not page.is_visible(".filters")
