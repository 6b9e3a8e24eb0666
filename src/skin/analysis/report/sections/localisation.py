"""Where models look, against lesion masks: does attention see more of the lesion?"""

from __future__ import annotations

import pandas as pd

from skin.analysis.blocks import Block, Cell, Line, Plot, Section, Table, Tone, Words
from skin.analysis.localisation.figures import curves_figure, energy_figure, sanity_figure
from skin.analysis.localisation.results import LINEAR, LOCAL, SANITY, TRACED, MapResult
from skin.analysis.localisation.settings import GAUSSIAN_SIGMA
from skin.analysis.localisation.summary import Difference
from skin.analysis.map_names import map_label
from skin.analysis.report.cells import gap_cell, score_cell
from skin.analysis.report.compared_maps import OVER_OTHER, Compared, OneMap, compare_maps, find_maps
from skin.analysis.report.context import Context
from skin.analysis.report.maps_finding import maps_finding
from skin.analysis.significance.pvalues import ALPHA, p_text
from skin.analysis.statistics import Interval
from skin.analysis.text import DASH, PERCENT, number, plural, signed, signed_span, span
from skin.errors import name_some

KEY, TITLE = "localisation", "Heatmaps and masks"
_INTRO = (
    "Heatmaps of {images} of as many lesions, each under the model that never saw its lesion, "
    "against the lesions' masks. Lesions lie in the middle of their images, so that any sharp map "
    "of the middle has much of its energy inside. A map follows the lesion only if it does better "
    "on its own image's mask than on those of other lesions: a map that is the same in every image "
    "gains nothing by that."
)
_LOCAL = (
    "Energy: the share of a map's sum inside the mask. Pointing: how often its maximum is inside. "
    "IoU: of the mask and of where the map reaches a share of its maximum, one share for all "
    f"images, chosen on other lesions. Below a value its 95{PERCENT} interval over lesions. A "
    "uniform map, and one that is zero everywhere, is at chance in all three. The Gaussian's "
    "standard deviation is {sigma} of the image's side. Own less other: the mean on the images' "
    "own masks less that on the masks of all other lesions in the sample, with the p-value by "
    "bootstrap after Holm's correction for {maps}, coloured where it is below {alpha}."
)
_AGAINST = (
    " Against {reference}: the difference in own less other of energy on the same images, "
    "corrected likewise for {tests}. Energies, and so these differences, also differ as one map "
    "is more peaked than another."
)
_PEAKED = " Energies also differ between maps as one is more peaked than another."
_TRACED = (
    "On {images}. Deletion: the area under the predicted class's probability as the map's cells "
    "are blurred, highest first; the lower, the more the answer hangs on them. Insertion: as they "
    "are shown and all else is blurred; the higher, the better. Gain: by how much the map's order "
    "beats a random one, coloured where the interval excludes zero. Random: the rank correlation "
    "of the map with that of the same model when its head, and none, half or all of its backbone, "
    "have random weights. Near 1, the map shows the image and not what the model learnt."
)
_STAGES = ("head", "half", "all")  # the CSV has the quarter besides


def section(context: Context) -> Section | None:
    """Compare the probed runs' maps; None where there are only ensembles."""
    found = find_maps(context.comparison)
    if found.nothing:
        return None
    if not found.results:
        return Section(KEY, TITLE, found.words())
    compared = compare_maps(
        found.results,
        context.comparison.baseline,
        resamples=context.resamples,
        seed=context.seed,
    )
    blocks: list[Block] = [_location_table(compared), _energy_plot(compared)]
    traced = [one for one in compared.maps if "deletion" in one.found.figures]
    if traced:
        blocks += [_sanity_plot(traced), _curves_plot(traced), _faithfulness_table(traced)]
    images = plural(compared.reference.found.images, "image")
    intro = _INTRO.format(images=images)
    blocks += [*_apart(compared), *found.words()]
    return Section(KEY, TITLE, blocks, intro, maps_finding(compared))


def _label(one: OneMap) -> str:
    return f"{one.run.name}, {map_label(one.name)}"


def _marks(one: OneMap) -> tuple[str, ...]:
    run = one.run
    folds, probed = len(run.row.folds), len(run.result.origin.weights)
    partial = [f"{probed} of {folds} folds"] if probed < folds else []
    same = run.comparable or "other images" in run.row.marks
    other = [] if same else ["other images or masks probed"]
    return (*run.row.marks, *partial, *other)


def _location_table(compared: Compared) -> Table:
    """A line a map, below what knows nothing of the image."""
    tests = len(compared.differences[OVER_OTHER])
    gaps = ["own less other", *(["against reference"] if tests else [])]
    gaps += ["less chance", "less Gaussian"]
    lines = [
        _blind_line("Chance: the lesion's area", compared, ["area"] * len(LOCAL), len(gaps)),
        _blind_line(
            "Gaussian in the middle", compared, [f"{name}_gaussian" for name in LOCAL], len(gaps)
        ),
    ]
    for one in compared.maps:
        figures = one.found.figures
        cells = [
            score_cell(figures["energy"].interval),
            _tested(compared.over_other["energy"][one.key]),
            *([_against(compared, one)] if tests else []),
            _context(figures["energy_over_chance"].interval),
            _context(figures["energy_over_gaussian"].interval),
            score_cell(figures["pointing"].interval),
            _tested(compared.over_other["pointing"][one.key]),
            score_cell(figures["iou"].interval),
        ]
        lines.append(Line(_label(one), cells, _marks(one)))
    local = _LOCAL.format(sigma=GAUSSIAN_SIGMA, maps=plural(len(compared.maps), "map"), alpha=ALPHA)
    against = _AGAINST.format(
        reference=_label(compared.reference), tests=plural(tests, "comparison")
    )
    return Table(
        KEY,
        "Against lesion masks",
        ["Run and map", "Energy", *gaps, "Pointing", "pointing, own less other", "IoU"],
        lines,
        _frame(compared),
        caption=local + (against if tests else _PEAKED),
    )


def _blind_line(head: str, compared: Compared, names: list[str], gaps: int) -> Line:
    figures = compared.reference.found.figures
    energy, pointing, iou = (
        Cell(number(one.value), span(one.interval), "quiet", one.value)
        for one in map(figures.__getitem__, names)
    )
    none = Cell(DASH, tone="quiet")
    return Line(head, [energy, *[none] * gaps, pointing, none, iou])


def _against(compared: Compared, one: OneMap) -> Cell:
    """The difference to the reference in how much better the own mask fits than others."""
    difference = compared.differences[OVER_OTHER].get(one.key)
    if difference is None:
        return Cell("reference" if one.key == compared.reference.key else DASH, tone="quiet")
    return _tested(difference)


def _context(gap: Interval) -> Cell:
    """A difference that nothing is claimed of, and so without a colour."""
    return Cell(signed(gap.value), signed_span(gap), "quiet", gap.value)


def _tested(difference: Difference) -> Cell:
    """A difference, its interval and its corrected p-value."""
    gap = difference.interval
    tone: Tone = "plain" if not difference.holds else "good" if gap.value > 0 else "bad"
    below = f"{signed_span(gap)}, p {p_text(difference.p)}"
    return Cell(signed(gap.value), below, tone, gap.value)


def _faithfulness_table(traced: list[OneMap]) -> Table:
    lines = []
    for one in traced:
        cells = []
        for kind in TRACED:
            cells += [_score(one.found, kind), gap_cell(one.found.figures[f"{kind}_gain"].interval)]
        cells += [_score(one.found, f"sanity_{stage}") for stage in _STAGES]
        lines.append(Line(_label(one), cells, _marks(one)))
    counts = sorted({int(one.table["deletion"].notna().sum()) for one in traced})
    images = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) + " images"
    return Table(
        f"{KEY}-faithfulness",
        "Does the answer hang on the map, and the map on the model?",
        [
            "Run and map",
            *(head for kind in TRACED for head in (kind.capitalize(), "gain")),
            *(f"Random {stage}" for stage in _STAGES),
        ],
        lines,
        pd.DataFrame([_figures(one, (*TRACED, "gain", "random", "sanity")) for one in traced]),
        caption=_TRACED.format(images=images),
    )


def _score(found: MapResult, name: str) -> Cell:
    """A figure; none where every map is constant, which has no order to compare."""
    one = found.figures.get(name)
    return Cell(DASH) if one is None else score_cell(one.interval)


def _frame(compared: Compared) -> pd.DataFrame:
    rows = []
    for one in compared.maps:
        row = _figures(one, ("area", *LOCAL, "threshold"))
        for measure in LINEAR:
            row[f"{measure}_over_other_p_holm"] = compared.over_other[measure][one.key].p
        row["reference"] = _label(compared.reference)
        for measure, differences in compared.differences.items():
            if one.key in differences:
                row |= _ends(f"{measure}_over_reference", differences[one.key].interval)
                row[f"{measure}_over_reference_p_holm"] = differences[one.key].p
        rows.append(row)
    return pd.DataFrame(rows)


def _figures(one: OneMap, parts: tuple[str, ...]) -> dict[str, object]:
    """What the map is, and all its figures of whose name one of the parts is part."""
    row: dict[str, object] = {
        "run": one.run.name,
        "map": one.name,
        "folds": len(one.run.result.origin.weights),
        "images": one.found.images,
        "empty": one.found.empty,
        "height": one.found.size[0],
        "width": one.found.size[1],
    }
    for name, figure in one.found.figures.items():
        if any(part in name for part in parts):
            row |= _ends(name, figure.interval)
    return row


def _ends(name: str, one: Interval) -> dict[str, object]:
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}


def _energy_plot(compared: Compared) -> Plot:
    shown = compared.comparable
    gaps = [compared.over_other["energy"][one.key].interval for one in shown]
    picture = energy_figure([_label(one) for one in shown], gaps)
    return Plot(f"{KEY}-energy", picture)


def _sanity_plot(traced: list[OneMap]) -> Plot:
    last = SANITY[-1]
    shown = [one for one in traced if last in one.found.figures]
    intervals = [one.found.figures[last].interval for one in shown]
    return Plot(f"{KEY}-sanity", sanity_figure([_label(one) for one in shown], intervals))


def _curves_plot(traced: list[OneMap]) -> Plot:
    """The curves of the first run, which is the best; the table has the areas of all."""
    first = [one for one in traced if one.run is traced[0].run]
    maps = {map_label(one.name): one.found for one in first}
    return Plot(f"{KEY}-curves", curves_figure(first[0].run.name, maps), wide=True)


def _apart(compared: Compared) -> list[Words]:
    """Which runs cannot be compared with the reference."""
    names = [run.name for run in compared.runs if not run.comparable]
    if not names:
        return []
    reference = compared.reference.run.name
    return [
        Words(
            f"Not compared with {reference}, as measured on other images or by other masks: "
            f"{name_some(names)}."
        )
    ]
