"""The report's page: its sections in order, its first screen, its notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType

from skin.analysis.blocks import Plot, Section
from skin.analysis.page import Page
from skin.analysis.report import figures, wording
from skin.analysis.report.context import Context
from skin.analysis.report.sections import (
    background,
    browser,
    calibration,
    challenge,
    classes,
    confusion,
    costs,
    curves,
    gallery,
    leaderboard,
    localisation,
    malignancy,
    protocol,
    robustness,
    subgroups,
    tests,
    thresholds,
    training,
)

SECTIONS: Sequence[ModuleType] = (
    leaderboard,
    challenge,
    tests,
    classes,
    curves,
    malignancy,
    confusion,
    calibration,
    thresholds,
    subgroups,
    robustness,
    background,
    localisation,
    gallery,
    browser,
    training,
    costs,
    protocol,
)
"""In the page's order; each has `section(context)`, None where it has nothing to say."""


def build_page(context: Context, *, galleries: bool = True) -> Page:
    """Work the sections out.

    Args:
        context: what they are worked out from.
        galleries: whether heatmaps are made, which takes the models and most of the time.
    """
    comparison = context.comparison
    wanted = [module for module in SECTIONS if galleries or module is not gallery]
    worked_out: Iterator[Section | None] = (module.section(context) for module in wanted)
    return Page(
        title=wording.headline(comparison),
        eyebrow=f"Out-of-fold comparison \N{MIDDLE DOT} {comparison.task.name}",
        lead=[wording.chance(comparison), wording.facts(comparison)],
        sections=[section for section in worked_out if section],
        notes=wording.notes(comparison),
        figure=Plot("bacc", figures.scores_figure(comparison)),
    )
