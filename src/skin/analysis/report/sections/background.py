"""Whether the background alone predicts: models shown the lesion alone, and all but the lesion."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import pandas as pd
from matplotlib.axes import Axes

from skin.analysis.blocks import Block, Cell, Gallery, Line, Plot, Section, Table, Words
from skin.analysis.drawing import LIGHT, Palette, Picture, draw, height_of, name_rows, paint_dots
from skin.analysis.probes.hiding import CONDITIONS
from skin.analysis.probes.results import (
    BACKGROUND,
    CHANCE_AUC,
    BackgroundResult,
    Figure,
    Shown,
)
from skin.analysis.probes.store import png_path
from skin.analysis.probes.strips import condition_strips
from skin.analysis.probes.wording import (
    background_finding,
    background_warning,
    extent,
    share_text,
)
from skin.analysis.report.cells import ends
from skin.analysis.report.compare import Row
from skin.analysis.report.context import Context
from skin.analysis.report.probed import Probed, find_results, held_out_text
from skin.analysis.statistics import Interval
from skin.analysis.text import DASH, number, plural, span
from skin.files import sha256_file

_Runs = Sequence[Probed[BackgroundResult]]

_MOST = len(LIGHT.folds)  # runs on one figure, so that each has a colour of its own
_MARKERS = "osD^vPX"
_INTRO = (
    "The models that were judged above, shown the lesion alone, and everything but the lesion, as "
    "in Bissoto et al. 2019, who train on such images. A model that predicts without the lesion "
    "uses a shortcut, such as the skin, a ruler or the light. "
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
    "above chance. Marked where images without the lesion score above chance: two-sided bootstrap "
    "p below 0.05 after Holm's correction for a run's tests, BACC and malignant AUC of each of "
    "these three conditions."
)
_AUC = "Malignant against benign on the same images; chance is 0.500, and marks are as of BACC."
_MIX = (
    " The images were drawn as many of each class as there are: malignant and benign ones are "
    "other lesions than in the whole dataset, so that the AUC of whole images is not the "
    "leaderboard's."
)
_APART = (
    "Not all runs were shown the same images in the same way (see the marks in the table), so that "
    "their scores cannot be compared with each other."
)
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
            *([Words(_APART)] if any(_apart(run, runs[0]) for run in runs) else []),
            Words(_CAVEAT),
            *_tables(runs),
            *_examples(*runs[0]),
        ]
    return Section(
        "background",
        "Background",
        [*blocks, *found.words()],
        _INTRO + held_out_text(runs) if runs else "",
        background_finding(runs[0].result) if runs else "",
    )


def _outdated(result: BackgroundResult) -> str:
    """Scores of images that other constants made cannot stand beside this version's."""
    return "" if result.current else "it is of other conditions"


def _apart(run: Probed[BackgroundResult], first: Probed[BackgroundResult]) -> list[str]:
    """What else was shown to a run's models than to the first one's."""
    ours, theirs = run.result.settings, first.result.settings
    marks = []
    if ours.images_sha256 != theirs.images_sha256:
        marks.append("other images probed")
    elif ours.masks_sha256 != theirs.masks_sha256:
        marks.append("other masks")
    if ours.tta != theirs.tta:
        marks.append("other views")
    return marks


def _sampled(run: Probed[BackgroundResult]) -> bool:
    """Whether some images of the folds were not chosen."""
    held_out = run.row.entry.oof["fold"].isin(run.result.origin.weights)
    return run.result.images + run.result.left_out < int(held_out.sum())


def _tables(runs: _Runs) -> list[Table]:
    """BACC, and the malignant AUC where it is defined: a line a condition, a column a run."""
    heads = ["Shown", *(row.entry.name for row, _ in runs)]
    frame = pd.DataFrame([record for row, result in runs for record in _records(row, result)])
    extents = extent([result for _, result in runs])
    lines = _lines(runs, _bacc_cell, [number(result.chance) for _, result in runs])
    tables = [Table("background", "BACC", heads, lines, frame, _BACC.format(extent=extents))]
    if any(shown.malignant_auc for _, result in runs for shown in result.conditions.values()):
        lines = _lines(runs, _auc_cell, [number(CHANCE_AUC)] * len(runs))
        of_bacc = [name for name in frame.columns if str(name).startswith(("bacc", "kept"))]
        caption = _AUC + (_MIX if any(_sampled(run) for run in runs) else "")
        areas = frame.drop(columns=of_bacc)
        tables.append(Table("background-malignant", "Malignant AUC", heads, lines, areas, caption))
    return tables


def _lines(runs: _Runs, cell: Callable[[Shown, float], Cell], chance: Sequence[str]) -> list[Line]:
    lines = [
        Line(
            condition.title,
            [cell(result.conditions[name], result.chance) for _, result in runs],
        )
        for name, condition in CONDITIONS.items()
    ]
    marks = [", ".join((*run.marks, *_views(run), *_apart(run, runs[0]))) for run in runs]
    return [
        *lines,
        Line("Chance", [Cell(text, tone="quiet") for text in chance]),
        Line("Images", [_images_cell(result) for _, result in runs]),
        *([Line("Marks", [Cell(text or DASH, tone="quiet") for text in marks])] * any(marks)),
    ]


def _views(run: Probed[BackgroundResult]) -> list[str]:
    tta = run.result.settings.tta
    return [] if tta == "none" else [f"TTA {tta}"]


def _images_cell(result: BackgroundResult) -> Cell:
    below = f"of {plural(result.lesions, 'lesion')}"
    if result.left_out:
        below += f"; {result.left_out:,} left out for their masks"
    return Cell(f"{result.images:,}", below, "quiet", result.images)


def _bacc_cell(shown: Shown, chance: float) -> Cell:
    kept = "" if shown.kept is None else f"; keeps {share_text(shown.kept.value)}"
    return _cell(shown.bacc, kept, bad=shown.decides(chance))


def _auc_cell(shown: Shown, chance: float) -> Cell:
    del chance
    if shown.malignant_auc is None:
        return Cell(DASH, tone="quiet")
    return _cell(shown.malignant_auc, "", bad=shown.ranks)


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
            "folds": len(result.origin.weights),
            "tta": result.settings.tta,
            "chance": result.chance,
            **ends({"bacc": shown.bacc.interval}),
            "bacc_p_holm": shown.bacc_p,
            **ends({"kept": _interval(shown.kept)}),
            **ends({"malignant_auc": _interval(shown.malignant_auc)}),
            "malignant_auc_p_holm": shown.malignant_auc_p,
        }


def _interval(figure: Figure | None) -> Interval:
    return Interval(math.nan, math.nan, math.nan) if figure is None else figure.interval


def _plots(runs: _Runs) -> Iterator[Plot]:
    """BACC and malignant AUC side by side; no line at chance where it is not the same for all."""
    levels = {result.chance for _, result in runs}
    chance = levels.pop() if len(levels) == 1 else None
    yield Plot("background", _picture(runs, "BACC", lambda shown: shown.bacc, chance))
    areas = [run for run in runs if run.result.conditions["whole"].malignant_auc]
    if areas:
        picture = _picture(areas, "Malignant AUC", lambda shown: shown.malignant_auc, CHANCE_AUC)
        yield Plot("background-malignant", picture)


def _picture(
    runs: _Runs, title: str, figure: Callable[[Shown], Figure | None], chance: float | None
) -> Picture:
    """Dots and intervals: a row a condition, a colour a run, the dotted line chance, if given."""
    names = [condition.title for condition in CONDITIONS.values()]

    def paint(axes: Axes, palette: Palette) -> None:
        if chance is not None:
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
