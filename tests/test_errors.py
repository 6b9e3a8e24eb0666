from __future__ import annotations

import pytest

from skin.errors import did_you_mean, name_some, plural


@pytest.mark.parametrize(
    ("names", "most", "expected"),
    [
        ([], 5, ""),
        (["a"], 5, "a"),
        ([1, 2], 2, "1, 2"),
        ("abc", 2, "a, b and 1 more"),
        (range(100), 3, "0, 1, 2 and 97 more"),
    ],
)
def test_name_some(names: list[object], most: int, expected: str):
    assert name_some(names, most) == expected


def test_name_some_takes_an_iterator():
    assert name_some(letter for letter in "abcdefg") == "a, b, c, d, e and 2 more"


def test_plural():
    assert [plural(n, "image") for n in (0, 1, 2000)] == ["0 images", "1 image", "2,000 images"]
    assert [plural(n, "row is", "rows are") for n in (1, 2)] == ["1 row is", "2 rows are"]


def test_did_you_mean_names_the_nearest_first():
    known = ["resnet50", "efficientnet"]
    assert (
        did_you_mean("resnet5", known) == "did you mean 'resnet50'? known: efficientnet, resnet50"
    )


def test_did_you_mean_offers_nothing_far():
    assert did_you_mean("x", ["resnet50"]) == "known: resnet50"
