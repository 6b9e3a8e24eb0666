from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.data.scheme import Scheme, choose_scheme, parse_holdout, parse_name
from skin.errors import SkinError


@st.composite
def schemes(draw: st.DrawFn) -> Scheme:
    seed = draw(st.integers(0, 10**6))
    split = draw(st.sampled_from(["lesion", "image"]))
    cuts = draw(st.lists(st.integers(1, 99), max_size=2, unique=True).map(sorted))
    if not cuts:
        return Scheme(k=draw(st.integers(2, 200)), seed=seed, split=split)
    shares = tuple(high - low for low, high in zip([0, *cuts], [*cuts, 100], strict=True))
    return Scheme(k=1, seed=seed, holdout=shares, split=split)


@given(schemes())
def test_a_name_says_the_whole_scheme(scheme: Scheme):
    assert parse_name(scheme.default_name) == scheme
    assert sum(scheme.shares) == pytest.approx(1)
    assert len(scheme.shares) == len(scheme.parts)
    assert 0 in scheme.parts


@pytest.mark.parametrize(
    "name",
    [
        "mine",
        "k5",
        "k1-seed0",
        "k05-seed0",
        "k5-seed0-images",
        "xk5-seed0",
        "holdout80-seed0",
        "holdout80-30-seed0",
        "holdout100-0-seed0",
        "holdout40-30-20-10-seed0",
    ],
)
def test_other_names_say_nothing(name: str):
    assert parse_name(name) is None


@pytest.mark.parametrize(
    ("scheme", "name", "command", "parts"),
    [
        (
            Scheme(k=2, seed=0),
            "k2-seed0",
            "skin data folds ham --folds 2",
            {0: "fold 0", 1: "fold 1"},
        ),
        (
            Scheme(k=1, seed=4, holdout=(80, 20)),
            "holdout80-20-seed4",
            "skin data folds ham --holdout 80/20 --seed 4",
            {-1: "train", 0: "held out"},
        ),
        (
            Scheme(k=1, seed=0, holdout=(70, 15, 15), split="image"),
            "holdout70-15-15-seed0-image",
            "skin data folds ham --holdout 70/15/15 --split image",
            {-1: "train", -2: "valid", 0: "held out"},
        ),
    ],
)
def test_names_commands_and_parts(scheme: Scheme, name: str, command: str, parts: dict[int, str]):
    assert scheme.default_name == name
    assert scheme.command("ham", name) == command
    assert scheme.command("ham", "mine") == f"{command} --name mine"
    assert list(scheme.parts.items()) == list(parts.items())
    assert scheme.leaking == name.endswith("-image")


def test_shares_in_the_order_of_the_parts():
    assert Scheme(k=1, seed=0, holdout=(70, 20, 10)).shares == (0.7, 0.2, 0.1)
    assert Scheme(k=4, seed=0).shares == (0.25, 0.25, 0.25, 0.25)


@pytest.mark.parametrize(
    ("text", "shares"), [("80/20", (80, 20)), ("70/15/15", (70, 15, 15)), (" 1 / 99", (1, 99))]
)
def test_parse_holdout(text: str, shares: tuple[int, ...]):
    assert parse_holdout(text) == shares


@pytest.mark.parametrize(
    "text", ["", "80", "100", "80/30", "80/20/0", "-20/120", "80-20", "79.5/20.5", "40/30/20/10"]
)
def test_shares_that_make_no_sense(text: str):
    with pytest.raises(SkinError, match=f"--holdout {text}: give whole percentages .*sum to 100"):
        parse_holdout(text)


def test_choosing_a_scheme():
    assert choose_scheme(None, 0, (), "lesion") == Scheme(k=5, seed=0)
    assert choose_scheme(None, 1, (80, 20), "image").default_name == "holdout80-20-seed1-image"
    with pytest.raises(SkinError, match="--folds and --holdout exclude each other"):
        choose_scheme(5, 0, (80, 20), "lesion")
    with pytest.raises(SkinError, match="--holdout 80/30: give whole percentages"):
        choose_scheme(None, 0, (80, 30), "lesion")
