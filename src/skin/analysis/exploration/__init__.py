"""A dataset as a page, for who meets it first: what is in it, what is wrong with it."""

from __future__ import annotations

from skin.analysis.exploration import (
    counts,
    duplicates,
    fold_balance,
    lesions,
    metadata,
    missing,
    pictures,
    samples,
)
from skin.analysis.exploration.cohort import Cohort
from skin.analysis.exploration.wording import headline, lead, notes
from skin.analysis.page import Page
from skin.data.dataset import Dataset


def explore(
    dataset: Dataset, *, folds: str | None = None, seed: int = 0, resamples: int = 1000
) -> Page:
    """Describe a dataset, its images and its folds.

    Args:
        dataset: to describe.
        folds: the only folds to show; all of the dataset if not given.
        seed: of the samples that are drawn, of shuffles and of resamples.
        resamples: for each interval.

    Raises:
        SkinError: `folds` are not there or cannot be used, or the image cache is damaged.
    """
    cohort = Cohort.of(dataset, seed=seed, resamples=resamples)
    balance = fold_balance.section(cohort, folds)  # the first that can fail, and a quick one
    return Page(
        title=headline(cohort),
        eyebrow=f"Data exploration · {dataset.name}",
        lead=lead(cohort),
        sections=[
            counts.section(cohort),
            samples.section(cohort),
            metadata.section(cohort),
            lesions.section(cohort),
            missing.section(cohort),
            pictures.section(cohort),
            duplicates.section(cohort),
            balance,
        ],
        notes=notes(cohort),
        figure=counts.figure(cohort),
    )
