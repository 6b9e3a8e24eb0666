"""Where models look, against lesion masks: does attention see more of the lesion?"""

from __future__ import annotations

import pandas as pd

from skin.analysis.blocks import Block, Cell, Line, Plot, Section, Table, Tone, Words
from skin.analysis.localisation.compared import Compared, Found, OneMap, compare_maps, find_results
from skin.analysis.localisation.figures import curves_figure, energy_figure, sanity_figure
from skin.analysis.localisation.results import LOCAL, SANITY, TRACED, MapResult
from skin.analysis.map_names import map_label
from skin.analysis.report.cells import gap_cell, score_cell
from skin.analysis.report.context import Context
from skin.analysis.significance.pvalues import ALPHA, p_text
from skin.analysis.statistics import Interval
from skin.analysis.text import DASH, PERCENT, number, plural, signed, signed_span, span
from skin.errors import name_some

KEY, TITLE = "localisation", "Heatmaps and masks"
_COMMAND = "skin probe heatmaps {runs} --masks <folder or zip of lesion masks>"
_INTRO = (
    "Heatmaps of {images} of as many lesions, each under the model that never saw its lesion, "
    "against the lesions' masks. Lesions lie in the middle of their images: a map tells where the "
    "lesion is only if it beats a Gaussian in the middle of every image."
)
_LOCAL = (
    "Energy: the share of a map's sum inside the mask. Pointing: how often its maximum is inside. "
    "IoU: of the mask and of where the map reaches a share of its maximum, one share for all "
    f"images, chosen on other lesions. Below a value its 95{PERCENT} interval over lesions. A "
    "uniform map, and one that is zero everywhere, is at chance in all three. The Gaussian's "
    "standard deviation is a quarter of the image's side."
)
_AGAINST = (
    " Against {reference}: the difference in energy on the same images; below it the p-value by "
    "bootstrap after Holm's correction for {tests}, coloured where it is below {alpha}."
)
_TRACED = (
    "On {images}. Deletion: the area under the predicted class's probability as the map's cells "
    "are blurred, highest first; the lower, the more the answer hangs on them. Insertion: as they "
    "are shown and all else is blurred; the higher, the better. Gain: by how much the map's order "
    "beats a random one, coloured where the interval excludes zero. Random: the rank correlation "
    "of the map with that of the same model when its head, and none, half or all of its backbone, "
    "have random weights. Near 1, the map shows the image and not what the model learnt."
)
_STAGES = ("head", "half", "all")  # the CSV has the quarter besides
_ALIKE = 0.5  # the correlation with random weights that a reader is warned of


def section(context: Context) -> Section | None:
    """Compare the probed runs' maps; None where there are only ensembles."""
    found = find_results(context.comparison)
    elsewhere = _not_shown(found)
    if not found.probed:
        return Section(KEY, TITLE, elsewhere) if elsewhere else None
    compared = compare_maps(
        found.probed,
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
    return Section(KEY, TITLE, [*blocks, *elsewhere], intro, _finding(compared))


def _label(one: OneMap) -> str:
    return f"{one.run.name}, {map_label(one.name)}"


def _marks(one: OneMap) -> tuple[str, ...]:
    run = one.run
    folds, probed = len(run.row.folds), len(run.result.origin.weights)
    partial = [f"{probed} of {folds} folds"] if probed < folds else []
    same = run.comparable or "other images" in run.row.marks
    other = [] if same else ["other images probed"]
    return (*run.row.marks, *partial, *other)


def _location_table(compared: Compared) -> Table:
    """A line a map, below what knows nothing of the image."""
    tests = len(compared.differences["energy"])
    gaps = ["less chance", "less Gaussian", *(["less reference"] if tests else [])]
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
            gap_cell(figures["energy_over_chance"].interval),
            gap_cell(figures["energy_over_gaussian"].interval),
            *([_against(compared, one)] if tests else []),
            score_cell(figures["pointing"].interval),
            score_cell(figures["iou"].interval),
        ]
        lines.append(Line(_label(one), cells, _marks(one)))
    against = _AGAINST.format(
        reference=_label(compared.reference), tests=plural(tests, "comparison"), alpha=ALPHA
    )
    return Table(
        KEY,
        "Against lesion masks",
        ["Run and map", "Energy", *gaps, "Pointing", "IoU"],
        lines,
        _frame(compared),
        caption=_LOCAL + (against if tests else ""),
    )


def _blind_line(head: str, compared: Compared, names: list[str], gaps: int) -> Line:
    figures = compared.reference.found.figures
    energy, *others = (
        Cell(number(one.value), span(one.interval), "quiet", one.value)
        for one in map(figures.__getitem__, names)
    )
    return Line(head, [energy, *[Cell(DASH, tone="quiet")] * gaps, *others])


def _against(compared: Compared, one: OneMap) -> Cell:
    """The difference in energy to the reference."""
    difference = compared.differences["energy"].get(one.key)
    if difference is None:
        return Cell("reference" if one.key == compared.reference.key else DASH, tone="quiet")
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
    blind = compared.reference.found.figures
    picture = energy_figure(
        [_label(one) for one in shown],
        [one.found.figures["energy"].interval for one in shown],
        blind["area"].value,
        blind["energy_gaussian"].value,
    )
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


def _not_shown(found: Found) -> list[Block]:
    """Which runs have no result of their present weights, and the command that makes one."""
    blocks: list[Block] = []
    if found.missing:
        command = _COMMAND.format(runs=" ".join(found.missing))
        blocks.append(Words(f"Not measured: {name_some(found.missing)}. To do so: {command}"))
    for name, why in found.stale.items():
        command = _COMMAND.format(runs=name)
        blocks.append(Words(f"{name} is not shown, as {why}. Again: {command}", warning=True))
    return blocks


def _finding(compared: Compared) -> str:
    """Whether any map beats the Gaussian, whether any beats the reference, and whether it is one.

    A map that random weights hardly change is none of the model's.
    """
    shown = compared.maps
    best = max(shown, key=lambda one: one.found.figures["energy_over_gaussian"].value)
    figures = best.found.figures
    energy = figures["energy"].interval
    beating = [one for one in shown if one.found.figures["energy_over_gaussian"].low > 0]
    count = f"{len(beating)} of {plural(len(shown), 'heatmap')}" if beating else "No heatmap"
    shows = "show" if len(beating) > 1 else "shows"
    claim = f"{count} {shows} the lesion better than the middle of the image does"
    held = (
        f": the best, {_named(best)}, has {number(energy.value)} ({span(energy)}) of its energy "
        f"inside, a Gaussian in the middle {number(figures['energy_gaussian'].value)}, chance "
        f"{number(figures['area'].value)}"
    )
    return f"{claim}{held}{_against_reference(compared)}{_alike(shown)}."


def _named(one: OneMap) -> str:
    """Within a sentence."""
    return f"{map_label(one.name)} of {one.run.name}"


def _against_reference(compared: Compared) -> str:
    differences = compared.differences["energy"]
    if not differences:
        return ""
    reference = _named(compared.reference)
    held = {
        _named(one): differences[one.key].interval.value
        for one in compared.comparable
        if one.key in differences and differences[one.key].holds
    }
    said = []
    for word, sign in (("more", 1), ("less", -1)):
        names = sorted(
            (name for name in held if held[name] * sign > 0), key=lambda n: -abs(held[n])
        )
        if names:
            listed = name_some((f"{name} ({signed(held[name])})" for name in names), most=2)
            said.append(f"{word} than {reference}: {listed}")
    return "; " + ("; ".join(said) or f"none differs from {reference}")


def _alike(shown: list[OneMap]) -> str:
    last = SANITY[-1]
    alike = [
        _named(one)
        for one in shown
        if last in one.found.figures and one.found.figures[last].low > _ALIKE
    ]
    return f"; hardly changed by random weights: {name_some(alike, most=3)}" if alike else ""
