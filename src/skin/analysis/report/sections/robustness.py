"""How far BACC falls on corrupted images: blur, noise, light, JPEG, hair, turns and zooms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from skin.analysis.blocks import Block, Cell, Gallery, Group, Line, Plot, Section, Table, Tone
from skin.analysis.probes.pairs import Pair, compare_runs
from skin.analysis.probes.results import (
    ROBUSTNESS,
    Damage,
    Figure,
    RobustnessResult,
)
from skin.analysis.probes.severities import CORRUPTIONS, SEVERITIES
from skin.analysis.probes.severity_figure import MOST, severity_curves
from skin.analysis.probes.strips import example, severity_strips
from skin.analysis.probes.wording import (
    extent,
    figure_text,
    share_text,
)
from skin.analysis.report.cells import ends, score_cell
from skin.analysis.report.compare import Row
from skin.analysis.report.context import Context
from skin.analysis.report.probed import Probed, find_results, held_out_text
from skin.analysis.significance.pvalues import p_text
from skin.analysis.text import DASH, number, signed, signed_span

_Runs = Sequence[Probed[RobustnessResult]]

_ALL = "all"
_SHOWN = (3, 5)
_PHOTOS = (1, 3, 5)
_INTRO = (
    "The same images, corrupted afterwards in ten ways of five severities each: ImageNet-C "
    "(Hendrycks & Dietterich 2019) with the mishaps of dermoscopy. "
)
_CURVES = "Bands are 95 % intervals over lesions."
_APART = (
    " Not all runs were probed on the same images with the same draws (see the marks in the table)."
)
_SUMMARY = (
    "BACC on {extent}, as many of each class as there are; without test-time augmentation unless "
    "marked, so that the clean score is not the leaderboard's. All: the mean over all corruptions "
    "and severities. Change: that less the clean score, paired. Lost: the same as a share of the "
    "clean score. Intervals are of the lesions drawn, not of the corruptions chosen."
)
_AGAINST = (
    " The last columns compare that mean with {reference}'s on the same corrupted images; p is "
    "corrected by Holm's method for all runs compared, and colour marks those below 0.05."
)
_STRIPS = (
    "One image of the dataset, {image_id}, at severity 1, 3 and 5. Lengths are shares of the side "
    "and noise is per area, so that a severity is the same photograph for models of any input "
    "size; JPEG's blocks alone are 8 pixels of the model's input."
)


def section(context: Context) -> Section | None:
    """Give BACC over severity; None where no row is a run."""
    found = find_results(context.comparison.rows, ROBUSTNESS, RobustnessResult, outdated=_outdated)
    if found.nothing:
        return None
    blocks: list[Block] = []
    if found.results:
        drawn = {row.entry.name: result for row, result in found.results[:MOST]}
        caption = _CURVES + (f" The first {MOST} runs." if len(found.results) > MOST else "")
        reference = _reference(context, found.results)
        if any(_apart(result, reference.result) for _, result in found.results):
            caption += _APART
        blocks += [
            Plot("robustness", severity_curves(drawn), caption, wide=True),
            _summary(context, found.results, reference),
            *_examples(context),
            Group(
                "Each corruption at severity 3 and 5",
                [_at_severity(found.results, severity) for severity in _SHOWN],
                closed=True,
            ),
        ]
    return Section(
        "robustness",
        "Robustness",
        [*blocks, *found.words()],
        _INTRO + held_out_text(found.results) if found.results else "",
        _finding(*found.results[0]) if found.results else "",
    )


def _outdated(result: RobustnessResult) -> str:
    """Scores on other corruptions cannot stand beside this version's."""
    return "" if result.settings.current else "it is of other corruptions"


def _reference(context: Context, runs: _Runs) -> Probed[RobustnessResult]:
    """The report's reference if it was probed, or else the first run."""
    return next((run for run in runs if run.row is context.comparison.reference), runs[0])


def _apart(result: RobustnessResult, reference: RobustnessResult) -> list[str]:
    """Say why a run cannot be held against the reference."""
    if result.settings.images_sha256 != reference.settings.images_sha256:
        return ["other images probed"]
    return ["other draws"] if result.origin.seed != reference.origin.seed else []


def _summary(context: Context, runs: _Runs, reference: Probed[RobustnessResult]) -> Table:
    """A line a run: clean, severities 3 and 5, all, and against the reference."""
    name = reference.row.entry.name
    pairs = compare_runs(
        {row.entry.folder: result for row, result in runs},
        reference.row.entry.folder,
        resamples=context.resamples,
        seed=context.seed,
    )
    heads = ["Run", "Clean", *(f"Severity {s}" for s in _SHOWN), "All", "Change", "Lost"]
    caption = _SUMMARY.format(extent=extent([result for _, result in runs]))
    if pairs:
        heads += [f"To {name}", "p (Holm)"]
        caption += _AGAINST.format(reference=name)
    lines = []
    for run in runs:
        row, result = run
        cells = _cells(result) + (_against(pairs.get(row.entry.folder)) if pairs else [])
        tta = [] if result.settings.tta == "none" else [f"TTA {result.settings.tta}"]
        marks = (*run.marks, *tta, *_apart(result, reference.result))
        lines.append(Line(row.entry.name, cells, marks, best=row is context.comparison.best))
    records = [record for row, result in runs for record in _records(row, result)]
    return Table("robustness", "Over all corruptions", heads, lines, pd.DataFrame(records), caption)


def _cells(result: RobustnessResult) -> list[Cell]:
    change, lost = result.overall.difference.interval, result.overall.relative_loss
    return [
        score_cell(result.clean.interval),
        *(score_cell(result.by_severity[severity - 1].bacc.interval) for severity in _SHOWN),
        score_cell(result.overall.bacc.interval),
        Cell(signed(change.value), signed_span(change), value=change.value),
        Cell(DASH if lost is None else share_text(lost), value=lost),
    ]


def _against(pair: Pair | None) -> list[Cell]:
    """A difference to the reference, toned by its corrected p-value."""
    if pair is None:
        return [Cell(DASH, tone="quiet"), Cell(DASH, tone="quiet")]
    gap = pair.difference
    tone: Tone = "plain" if not pair.told_apart else "good" if gap.value > 0 else "bad"
    return [
        Cell(signed(gap.value), signed_span(gap), tone, gap.value),
        Cell(p_text(pair.p_holm), value=pair.p_holm),
    ]


def _at_severity(runs: _Runs, severity: int) -> Table:
    """A line a corruption, a column a run."""
    lines = [
        Line(
            corruption.title,
            [
                Cell(corruption.say(severity), tone="quiet"),
                *(
                    score_cell(result.severities[name][severity - 1].bacc.interval)
                    for _, result in runs
                ),
            ],
        )
        for name, corruption in CORRUPTIONS.items()
    ]
    records = [
        record
        for row, result in runs
        for record in _records(row, result)
        if record["severity"] == severity
    ]
    return Table(
        f"robustness-severity-{severity}",
        f"BACC at severity {severity}",
        ["Corruption", "Level", *(row.entry.name for row, _ in runs)],
        lines,
        pd.DataFrame(records),
    )


def _records(row: Row, result: RobustnessResult) -> Iterator[dict[str, object]]:
    """A run's figures, a record a corruption and severity; `all` stands for the means."""
    run, clean = row.entry.name, result.clean
    nothing = Figure(value=0.0, low=0.0, high=0.0)
    yield _record(run, "none", 0, Damage(bacc=clean, difference=nothing, relative_loss=0.0))
    for name, damages in result.severities.items():
        for severity, damage in zip(SEVERITIES, damages, strict=True):
            yield _record(run, name, severity, damage)
    for name, damage in result.by_corruption.items():
        yield _record(run, name, _ALL, damage)
    for severity, damage in zip(SEVERITIES, result.by_severity, strict=True):
        yield _record(run, _ALL, severity, damage)
    yield _record(run, _ALL, _ALL, result.overall)


def _record(run: str, corruption: str, severity: int | str, damage: Damage) -> dict[str, object]:
    return {
        "run": run,
        "corruption": corruption,
        "severity": severity,
        **ends({"bacc": damage.bacc.interval, "difference": damage.difference.interval}),
        "relative_loss": damage.relative_loss,
    }


def _examples(context: Context) -> list[Block]:
    """One image under each corruption; nothing without the dataset."""
    if context.dataset is None:
        return []
    task = context.comparison.task
    benign = [code for code in task.codes if code not in task.malignant]
    oof = context.comparison.best.entry.oof
    image_id, pixels = example(context.dataset, oof, [*task.malignant, *benign])
    strips = severity_strips(image_id, pixels, _PHOTOS, context.seed)
    caption = _STRIPS.format(image_id=image_id)
    return [Gallery("robustness-examples", "What is meant", strips, caption)]


def _finding(row: Row, result: RobustnessResult) -> str:
    """How far the first run falls, and by what most."""
    name = min(CORRUPTIONS, key=lambda name: result.by_corruption[name].bacc.value)
    worst = result.by_corruption[name]
    return (
        f"{row.entry.name} on corrupted images: BACC {figure_text(result.overall.bacc)} in the "
        f"mean, {number(result.clean.value)} on the same images as they are; worst under "
        f"{CORRUPTIONS[name].title.lower()}, {figure_text(worst.bacc)}."
    )
