"""Scores by age, sex, site, confirmation, image source and a proxy of skin tone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from skin.analysis.blocks import Block, Group, Plot, Section, Words
from skin.analysis.report.compare import Row
from skin.analysis.report.context import Context
from skin.analysis.report.subgroup_figures import bacc_figure, gap_figure
from skin.analysis.report.subgroup_tables import (
    gaps_table,
    losses,
    losses_block,
    name_of,
    values_table,
)
from skin.analysis.significance.pvalues import ALPHA
from skin.analysis.skin_tone import skin_tone
from skin.analysis.subgroups.factors import Factor, factors
from skin.analysis.subgroups.study import MEASURES, Predictions, Study, study
from skin.analysis.text import number, plural, signed, signed_span

_INTRO = (
    "Each subgroup against all other lesions. Sensitivity and specificity are of malignant against "
    "benign by the decided class, and malignant AUC by the summed probability."
)
_METHOD = (
    "BACC is the mean recall over the classes with at least {lesions} lesions in the subgroup, so "
    "that values of different subgroups are over different classes; the gap is over the classes "
    "that both sides have. Figures need {images} images, and {lesions} malignant or benign lesions "
    "where they are of those; what is left out shows the count. A gap is supported if its "
    "95\u00a0% bootstrap interval leaves zero out and its p-value is below {alpha} after Holm's "
    "correction over a row's subgroups in one measure. The p-value is the share of {draws} random "
    "draws of as many lesions, of the same classes (for BACC) or equally malignant (for the "
    "others), with at least so large a gap: it is never below {smallest}. For AUC it is right to "
    "the first order only: the draws take each image by its own share in the AUC of all images, "
    "not by a new ranking. A lesion whose images differ goes with most of them."
)
_CASE_MIX = (
    "A gap does not say why: those in sensitivity, specificity and AUC hold the case mix, as where "
    "one age has more melanomas among its malignant lesions."
)
_DX_TYPE = (
    "How a diagnosis was confirmed is itself a label of difficulty: what looked harmless was "
    "followed up, what looked suspicious was cut out, so that these gaps do not speak of people."
)
_NO_TONE = (
    "The dataset has no label of skin tone. In its place stands a proxy, the individual typology "
    "angle (ITA) of the skin around the lesion in each picture: lighting, camera and white balance "
    "move it, and it is not a skin tone label. {cast} of {images} images have a bluish cast "
    "(b* of 0 or below), for which there is no ITA; the others' median is {median}\u00b0."
)
_NO_CACHE = "The dataset has no label of skin tone, and no cached images to measure a proxy from."
_COARSE = (
    "So few draws cannot support one gap among so many subgroups: give more resamples than "
    "{resamples}."
)


def section(context: Context) -> Section:
    """Compare the ranked rows within every subgroup; the best and the reference are shown."""
    images = context.images
    if images is None:
        missing = f"{context.missing} `skin data add` adds it, and `--data-dir` says where it is."
        return Section("subgroups", "Subgroups", [Words(missing)])
    comparison = context.comparison
    tone, about_tone = _tone(context, images)
    divided = factors(images, comparison.best.bootstrap.lesions, tone)
    found = study(
        comparison.best.entry.targets,
        comparison.best.entry.lesions,
        comparison.task,
        divided,
        [_predictions(row) for row in comparison.ranked],
        resamples=context.resamples,
        seed=context.seed,
    )
    rows = list(dict.fromkeys(row.entry.name for row in (comparison.best, comparison.reference)))
    notes = [
        _method(found),
        _CASE_MIX,
        *([_DX_TYPE] if any(one.factor == "dx_type" for one in found.subgroups) else []),
        about_tone,
        *(_one_level(factor) for factor in found.single),
    ]
    return Section(
        "subgroups",
        "Subgroups",
        [*_blocks(found, rows), *map(Words, notes), *_warnings(found)],
        intro=_INTRO,
        finding=_finding(found, rows[0]),
    )


def _tone(context: Context, images: pd.DataFrame) -> tuple[pd.Series | None, str]:
    """The band of each image, and what a reader must know of it."""
    if context.dataset is None or not context.dataset.short_sides:
        return None, _NO_CACHE
    measured = skin_tone(context.dataset).set_index("image_id").loc[images["image_id"]]
    cast = int((measured["yellowness"] <= 0).sum())
    return measured["band"].reset_index(drop=True), _NO_TONE.format(
        cast=f"{cast:,}", images=f"{len(measured):,}", median=f"{measured['ita'].median():.0f}"
    )


def _predictions(row: Row) -> Predictions:
    return Predictions(row.entry.name, row.entry.probabilities, row.entry.scores)


def _blocks(found: Study, rows: Sequence[str]) -> Iterator[Block]:
    if not found.subgroups:
        return
    names = [name_of(one) for one in found.subgroups]
    for name, picture in (
        ("subgroups-bacc", bacc_figure(found, names, rows)),
        ("subgroups-gap", gap_figure(found, names, rows)),
    ):
        if picture is not None:
            yield Plot(name, picture)
    yield losses_block(found, rows[0])
    for row in rows:
        # The best row's files hold the figures of all rows.
        held = list(found.estimates) if row == rows[0] else [row]
        suffix = "" if row == rows[0] else f"-{row}"
        tables = [make(found, row, suffix, held) for make in (values_table, gaps_table)]
        yield Group(f"{row}: all subgroups", tables, closed=True)


def _method(found: Study) -> str:
    limits = found.limits
    return _METHOD.format(
        lesions=limits.lesions,
        images=limits.images,
        alpha=ALPHA,
        draws=f"{found.draws:,}",
        smallest=f"{1 / (found.draws + 1):.2g}",
    )


def _one_level(factor: Factor) -> str:
    return f"{factor.title}: all images have the one value '{factor.levels[0]}'."


def _warnings(found: Study) -> list[Words]:
    families = [
        sum(not math.isnan(one.p) for one in estimates)
        for of_row in found.estimates.values()
        for estimates in of_row.values()
    ]
    if max(families, default=0) / (found.draws + 1) < ALPHA:
        return []
    return [Words(_COARSE.format(resamples=f"{found.draws:,}"), warning=True)]


def _finding(found: Study, row: str) -> str:
    """The widest supported loss of the best row, and how many the table holds in all.

    How a diagnosis was confirmed is itself a label of difficulty, and a loss in specificity costs
    a patient least: one of these is named only where there is no other.
    """
    lost = losses(found, row)
    if not lost:
        return ""
    foremost = [
        one for one in lost if one[0].factor != "dx_type" and one[1] != "specificity"
    ] or lost
    subgroup, measure, estimate = min(foremost, key=lambda one: one[2].gap.value)
    more = f"; {plural(len(lost), 'such gap')} in all" if len(lost) > 1 else ""
    score = measure.upper() if measure == "bacc" else MEASURES[measure].lower()
    return (
        f"{row} is worse for {name_of(subgroup).replace(': ', ' ')}: {score} "
        f"{number(estimate.value.value)}, {signed(estimate.gap.value)} "
        f"({signed_span(estimate.gap)}) to the rest{more}."
    )
