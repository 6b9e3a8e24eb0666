from __future__ import annotations

from skin.analysis.drawing import DARK, LIGHT, draw, paint_intervals
from skin.analysis.statistics import Interval


def test_draws_both_schemes_and_names_as_they_are():
    names = ["plain", "$x$ <b>"]

    picture = draw(
        "Two rows.",
        1.5,
        lambda axes, palette: paint_intervals(
            axes, palette, names, [Interval(0.5, 0.4, 0.6), Interval(float("nan"), 0.1, 0.2)]
        ),
    )

    assert picture.alt == "Two rows."
    for drawn, own, other in (
        (picture.light, LIGHT, DARK),
        (picture.dark, DARK, LIGHT),
    ):
        text = drawn.decode()
        assert "$x$ &lt;b&gt;" in text
        assert own.accent in text
        assert other.accent not in text
        assert own.paper not in text


def test_draws_alike_each_time():
    first, second = (draw("x", 1, lambda axes, _: axes.plot([0, 1], [0, 1])) for _ in range(2))

    assert first == second


def test_an_opaque_figure_has_the_colour_of_the_page():
    picture = draw("Nothing.", 1, lambda axes, _: axes.set_title("x"), opaque=True)

    assert LIGHT.paper in picture.light.decode()
    assert DARK.paper in picture.dark.decode()
