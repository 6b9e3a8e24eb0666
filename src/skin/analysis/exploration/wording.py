"""What a data exploration says of the whole dataset."""

from __future__ import annotations

from pathlib import Path

from skin.analysis.exploration.cohort import UNDIAGNOSED, Cohort, percent
from skin.analysis.text import PERCENT, plural


def headline(cohort: Cohort) -> str:
    """The dataset in one sentence: images, lesions, classes, the largest class, malignancy."""
    images, lesions = len(cohort.images), len(cohort.lesions)
    of = f" of {plural(lesions, 'lesion')}" if lesions < images else ", each of another lesion,"
    first = cohort.classes[0]
    if len(cohort.classes) == 1:
        return f"{plural(images, 'image')}{of} all of one class: {first.name.lower()}"
    share = (cohort.images["class"] == first.code).mean()
    malignant = percent(float(cohort.images["malignant"].mean()))
    return (
        f"{plural(images, 'image')}{of} in {len(cohort.classes)} classes: {percent(share)} are "
        f"{first.code} ({first.name.lower()}), {malignant} are malignant"
    )


def lead(cohort: Cohort) -> list[str]:
    """Licence and citation, then where it came from."""
    info = cohort.dataset.info
    sides = ", ".join(map(str, cohort.dataset.short_sides)) or "none"
    source = f"Added from {Path(info.source.path).name} by the reader {info.source.reader}"
    return [
        f"Licence: {info.licence}. Cite: {info.citation.rstrip('.')}.",
        f"{source}; images cached at short side {sides}; dataset hash {info.hash[:16]}.",
    ]


def notes(cohort: Cohort) -> list[str]:
    """How the figures were made."""
    undiagnosed = (
        f"{plural(cohort.undiagnosed, 'image')} of no known diagnosis count as class "
        f"{UNDIAGNOSED.code} and as not malignant."
    )
    return [
        *([undiagnosed] if cohort.undiagnosed else []),
        (
            f"Intervals hold 95{PERCENT}: percentiles of {plural(cohort.resamples, 'resample')} of "
            "lesions, all images of a lesion together. Many are shown and none is corrected for "
            "that: one in twenty misses."
        ),
        (
            f"What is drawn at random, seed {cohort.seed}, is the same whenever this page is made "
            "again from the same dataset."
        ),
        f"The dataset's hash in full: {cohort.dataset.hash}.",
        (
            "An association in these images is of how they were collected and need not hold "
            "elsewhere: a model that learns it scores well here and fails there."
        ),
    ]
