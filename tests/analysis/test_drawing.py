from __future__ import annotations

from skin.analysis.drawing import DARK, FULL_WIDTH, LIGHT, draw, draw_figure, paint_intervals
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


def test_a_painter_of_the_palette_alone_is_called_once():
    seen = []

    def paint(axes, palette) -> None:
        seen.append(palette)
        axes.plot([0, 1], [0, 1], color=palette.folds[1])

    picture = draw("x", 1, paint)

    assert seen == [LIGHT]
    assert DARK.folds[1] in picture.dark.decode()
    assert not any(color in picture.dark.decode() for color in LIGHT.folds[:5])


def test_colours_of_its_own_are_drawn_in_both_schemes():
    seen = []

    def paint(axes, palette) -> None:
        seen.append(palette)
        axes.plot([0, 1], [0, 1], color="#123456" if palette is LIGHT else "#654321")

    picture = draw("x", 1, paint)

    assert seen == [LIGHT, DARK]
    assert "#654321" in picture.dark.decode()


def test_for_papers_it_is_drawn_on_white():
    def paint(axes, palette) -> None:
        axes.set_title("x", color=palette.ink)

    picture = draw("x", 1, paint)

    drawn = picture.render("svg").decode()
    assert "#ffffff" in drawn
    assert LIGHT.paper not in drawn
    for form, head in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        assert picture.render(form).startswith(head)
        assert picture.render(form) == picture.render(form)


def test_a_name_that_looks_like_a_colour_keeps_it():
    names = [f"run {LIGHT.accent}"]

    picture = draw("x", 1, lambda axes, _: axes.set_title(names[0]))

    assert names[0] in picture.dark.decode()


def test_several_axes_on_the_width_of_a_page():
    def paint(figure, palette) -> None:
        for axes in figure.subplots(1, 3):
            axes.plot([0, 1], [0, 1], color=palette.accent)

    picture = draw_figure("Three.", (FULL_WIDTH, 2), paint)

    assert f'viewBox="0 0 {72 * FULL_WIDTH:g} 144"' in picture.light.decode()
