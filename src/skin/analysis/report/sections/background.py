"""Whether the background alone predicts: models shown the lesion alone, and all but the lesion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pandas as pd
from matplotlib.axes import Axes

from skin.analysis.blocks import Block, Cell, Gallery, Line, Plot, Section, Table, Words
from skin.analysis.drawing import LIGHT, Palette, Picture, draw, height_of, name_rows, paint_dots
from skin.analysis.probes.hiding import CONDITIONS
from skin.analysis.probes.results import BACKGROUND, BackgroundResult, Figure, Shown
from skin.analysis.probes.store import png_path
from skin.analysis.probes.strips import condition_strips
from skin.analysis.probes.wording import background_warning, extent, figure_text, share_text
from skin.analysis.report.compare import Row
from skin.analysis.report.context import Context
from skin.analysis.report.probed import Probed, find_results
from skin.analysis.text import DASH, number, span
from skin.files import sha256_file

_Runs = Sequence[Probed[BackgroundResult]]

_MOST = len(LIGHT.folds)  # runs on one figure, so that each has a colour of its own
_MARKERS = "osD^vPX"
_CHANCE_AUC = 0.5
_INTRO = (
    "The models that were judged above, shown the lesion alone, and everything but the lesion, as "
    "in Bissoto et al. 2019, who train on such images. A model that predicts without the lesion "
    "uses a shortcut, such as the skin, a ruler or the light."
)
_CAVEAT = (
    "Filled images are unlike any that the models were trained on. So a score of the lesion alone "
    "below that of whole images is no proof that the background is used, and one of the background "
    "at chance none that it never is. A score above chance without the lesion is a sign that "
    "something else tells; but the filled place shows the lesion's size, and inpainting its shape "
    "too (the rim neither, for most lesions), and pigment may reach beyond the mask by more than "
    "the 4 % of the side that is hidden with it."
)
_BACC = (
    "BACC on {extent}; below it the 95 % interval, and the share kept of what whole images score "
    "above chance. Marked where the whole interval of images without the lesion lies above chance."
)
_AUC = "Malignant against benign on the same images; chance is 0.500."
_STRIPS = "What the models of {run} were shown, at their input size."


def section(context: Context) -> Section | None:
    """Give the scores by condition; None where no row is a run."""
    found = find_results(
        context.comparison.rows,
        BACKGROUND,
        BackgroundResult,
        options=" --masks SOURCE",
        outdated=_outdated,
    )
    if found.nothing:
        return None
    runs = found.results
    blocks: list[Block] = []
    if runs:
        warnings = [background_warning(result) for _, result in runs]
        blocks += [
            *(Words(text, warning=True) for text in warnings if text),
            *_plots(runs[:_MOST]),
            Words(_CAVEAT),
            *_tables(runs),
            *_examples(*runs[0]),
        ]
    return Section(
        "background",
        "Background",
        [*blocks, *found.words()],
        _INTRO if runs else "",
        _finding(*runs[0]) if runs else "",
    )


def _outdated(result: BackgroundResult) -> str:
    return "" if [*result.conditions] == [*CONDITIONS] else "it is of other conditions"


def _tables(runs: _Runs) -> list[Table]:
    """BACC, and the malignant AUC where it is defined: a line a condition, a column a run."""
    heads = ["Shown", *(row.entry.name for row, _ in runs)]
    frame = pd.DataFrame([record for row, result in runs for record in _records(row, result)])
    extents = extent([result for _, result in runs])
    lines = _lines(runs, _bacc_cell, [number(result.chance) for _, result in runs])
    tables = [Table("background", "BACC", heads, lines, frame, _BACC.format(extent=extents))]
    if any(shown.malignant_auc for _, result in runs for shown in result.conditions.values()):
        lines = _lines(runs, _auc_cell, [number(_CHANCE_AUC)] * len(runs))
        areas = frame.drop(columns=[*_ends("bacc", None), *_ends("kept", None)])
        tables.append(Table("background-malignant", "Malignant AUC", heads, lines, areas, _AUC))
    return tables


def _lines(
    runs: _Runs, cell: Callable[[str, Shown, float], Cell], chance: Sequence[str]
) -> list[Line]:
    lines = [
        Line(
            condition.title,
            [cell(name, result.conditions[name], result.chance) for _, result in runs],
        )
        for name, condition in CONDITIONS.items()
    ]
    return [*lines, Line("Chance", [Cell(text, tone="quiet") for text in chance])]


def _bacc_cell(name: str, shown: Shown, chance: float) -> Cell:
    kept = "" if shown.kept is None else f"; keeps {share_text(shown.kept.value)}"
    return _cell(shown.bacc, kept, bad=CONDITIONS[name].background and shown.bacc.low > chance)


def _auc_cell(name: str, shown: Shown, chance: float) -> Cell:
    del chance
    if shown.malignant_auc is None:
        return Cell(DASH, tone="quiet")
    return _cell(shown.malignant_auc, "", bad=CONDITIONS[name].background and shown.ranks)


def _cell(figure: Figure, note: str, *, bad: bool) -> Cell:
    below = f"{span(figure.interval)}{note}"
    return Cell(number(figure.value), below, "bad" if bad else "plain", figure.value)


def _records(row: Row, result: BackgroundResult) -> Iterator[dict[str, object]]:
    for name, shown in result.conditions.items():
        yield {
            "run": row.entry.name,
            "condition": name,
            "images": result.images,
            "lesions": result.lesions,
            "left_out": result.left_out,
            "chance": result.chance,
            **_ends("bacc", shown.bacc),
            **_ends("kept", shown.kept),
            **_ends("malignant_auc", shown.malignant_auc),
        }


def _ends(name: str, figure: Figure | None) -> dict[str, float | None]:
    keys = (name, f"{name}_low", f"{name}_high")
    if figure is None:
        return dict.fromkeys(keys)
    return dict(zip(keys, (figure.value, figure.low, figure.high), strict=True))


def _plots(runs: _Runs) -> Iterator[Plot]:
    """BACC and malignant AUC side by side."""
    yield Plot(
        "background", _picture(runs, "BACC", lambda shown: shown.bacc, runs[0].result.chance)
    )
    areas = [run for run in runs if run.result.conditions["whole"].malignant_auc]
    if areas:
        picture = _picture(areas, "Malignant AUC", lambda shown: shown.malignant_auc, _CHANCE_AUC)
        yield Plot("background-malignant", picture)


def _picture(
    runs: _Runs, title: str, figure: Callable[[Shown], Figure | None], chance: float
) -> Picture:
    """Dots and intervals: a row a condition, a colour a run, the dotted line chance."""
    names = [condition.title for condition in CONDITIONS.values()]

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(chance, color=palette.muted, linewidth=1, linestyle=(0, (1, 2)))
        for i, (row, result) in enumerate(runs):
            known = [figure(shown) for shown in result.conditions.values()]
            offset = (i - (len(runs) - 1) / 2) * min(0.25, 0.7 / len(runs))
            there = [(at + offset, one.interval) for at, one in enumerate(known) if one]
            paint_dots(
                axes,
                [at for at, _ in there],
                [interval for _, interval in there],
                palette.folds[i],
                marker=_MARKERS[i],
                label=row.entry.name,
            )
        name_rows(axes, palette, names)
        axes.set_title(title)
        axes.figure.legend(
            loc="outside lower center",
            ncols=3,
            frameon=False,
            labelcolor=palette.muted,
            markerscale=0.7,
        )

    alt = f"{title} of {', '.join(row.entry.name for row, _ in runs)} by what is shown."
    return draw(alt, height_of(names) + 0.08 * len(names) * len(runs) + 0.3, paint)


def _examples(row: Row, result: BackgroundResult) -> Iterator[Gallery]:
    """What the probe showed the first run's models; nothing if its picture is not there."""
    path = png_path(row.entry.folder, BACKGROUND)
    if path.exists() and sha256_file(path) == result.examples_sha256:
        yield Gallery(
            "background-examples",
            "What is meant",
            condition_strips(path, result.examples),
            _STRIPS.format(run=row.entry.name),
        )


def _finding(row: Row, result: BackgroundResult) -> str:
    """What the first run scores without the lesion, and with its size and shape hidden too."""
    shown, rim = result.conditions["background"], result.conditions["rim"]
    above = shown.bacc.low > result.chance
    said = "predicts" if above else "is not above chance"
    kept = f", {share_text(shown.kept.value)} of its skill" if above and shown.kept else ""
    return (
        f"{row.entry.name} {said} without the lesion: BACC {figure_text(shown.bacc)}, chance "
        f"{number(result.chance)}{kept}; with its size and shape hidden too "
        f"{figure_text(rim.bacc)}."
    )
