from __future__ import annotations

import pytest

from skin.analysis import text
from skin.analysis.statistics import Interval


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "—"),
        (4.4, "4 s"),
        (61.5, "1 min 02 s"),
        (3599.7, "1 h 00 min"),
        (20000, "5 h 33 min"),
    ],
)
def test_durations(seconds, expected):
    assert text.duration(seconds) == expected


def test_numbers():
    assert text.number(0.12345) == "0.123"
    assert text.number(float("nan")) == "—"
    assert text.signed(-0.01) == "−0.010"  # noqa: RUF001 - a true minus
    assert text.signed(-0.0004) == text.signed(0.0004) == "0.000"
    assert text.mean_and_deviation(0.5, float("nan")) == "0.500"
    assert text.plural(1, "fold") == "1 fold"
    assert text.plural(2000, "image") == "2,000 images"


def test_spans():
    interval = Interval(0.01, -0.02, 0.04)

    assert text.span(interval) == "−0.020 to 0.040"  # noqa: RUF001 - a true minus
    assert text.signed_span(interval) == "−0.020 to +0.040"  # noqa: RUF001 - a true minus


def test_markdown_table():
    rows = [["Run", "BACC"], ["a|b", "0.500"]]

    assert text.markdown_table(rows) == "| Run | BACC |\n| --- | ---: |\n| a\\|b | 0.500 |"
