"""Paired tests of a comparison's rows against its reference, in families."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skin.analysis import metrics
from skin.analysis.metrics import FloatArray
from skin.analysis.significance.delong import delong
from skin.analysis.significance.mcnemar import McNemar, mcnemar
from skin.analysis.significance.pvalues import ALPHA, bootstrap_p, holm
from skin.analysis.statistics import Interval, interval

if TYPE_CHECKING:
    from skin.analysis.report.compare import Comparison, Row


@dataclass(frozen=True)
class PairedTest:
    """One test of a row against the reference.

    Attributes:
        row: the row's name.
        measure: as `bacc`, `right decisions`, `AUC malignant`, `AUC MEL`.
        method: the test, by name.
        ours: the row's score.
        theirs: the reference's.
        difference: what is tested, with its interval.
        p: two-sided.
        p_holm: corrected for the family.
        family: how many tests it was corrected for.
        counts: of McNemar's test.
    """

    row: str
    measure: str
    method: str
    ours: float
    theirs: float
    difference: Interval
    p: float
    p_holm: float = float("nan")
    family: int = 0
    counts: McNemar | None = None

    @property
    def told_apart(self) -> bool:
        """Whether the corrected p-value is below 0.05."""
        return self.p_holm < ALPHA


@dataclass(frozen=True)
class PairedTests:
    """Four families; one is empty where its score is undefined on the images.

    Attributes:
        bacc: one a row.
        right: one a row, of right and wrong decisions.
        malignant: one a row, of the AUC for malignant against benign.
        classes: one a row and class, of its AUC against the rest.
    """

    bacc: Sequence[PairedTest]
    right: Sequence[PairedTest]
    malignant: Sequence[PairedTest]
    classes: Sequence[PairedTest]


def paired_tests(comparison: Comparison) -> PairedTests:
    """Test every ranked row but the reference against it, in order of the rows."""
    reference = comparison.reference
    others = [row for row in comparison.ranked if row is not reference]
    return PairedTests(
        bacc=_family([_bacc(row, reference) for row in others]),
        right=_family([_right(row, reference) for row in others]),
        malignant=_family(_areas(others, reference, [None])),
        classes=_family(_areas(others, reference, range(len(comparison.task)))),
    )


def _family(tests: Sequence[PairedTest]) -> list[PairedTest]:
    """Correct the p-values of tests that belong together."""
    corrected = holm([test.p for test in tests])
    size = int(np.count_nonzero(~np.isnan(corrected)))
    return [
        replace(test, p_holm=float(p), family=size)
        for test, p in zip(tests, corrected, strict=True)
    ]


def _bacc(row: Row, reference: Row) -> PairedTest:
    samples = row.bootstrap.samples["bacc"] - reference.bootstrap.samples["bacc"]
    ours, theirs = row.scores.bacc, reference.scores.bacc
    return PairedTest(
        row=row.entry.name,
        measure="bacc",
        method="paired bootstrap over lesions",
        ours=ours,
        theirs=theirs,
        difference=interval(ours - theirs, samples),
        p=bootstrap_p(samples),
    )


def _right(row: Row, reference: Row) -> PairedTest:
    ours, theirs = (
        metrics.decide(one.entry.scores) == one.entry.targets for one in (row, reference)
    )
    found = mcnemar(ours, theirs, row.entry.lesions)
    return PairedTest(
        row=row.entry.name,
        measure="right decisions",
        method="McNemar, clustered (Durkalski et al. 2003)",
        ours=float(ours.mean()),
        theirs=float(theirs.mean()),
        difference=found.difference,
        p=found.p,
        counts=found,
    )


def _areas(
    others: Sequence[Row], reference: Row, classes: Iterable[int | None]
) -> list[PairedTest]:
    """The AUC of each class against the rest; None stands for malignant against benign."""
    tests = []
    for index in classes:
        positive, theirs = _ranking(reference, index)
        if positive.all() or not positive.any():
            continue
        for row in others:
            found = delong(positive, _ranking(row, index)[1], theirs, row.entry.lesions)
            what = "malignant" if index is None else row.entry.task.codes[index]
            tests.append(
                PairedTest(
                    row=row.entry.name,
                    measure=f"AUC {what}",
                    method="DeLong, clustered (Obuchowski 1997)",
                    ours=found.ours,
                    theirs=found.theirs,
                    difference=found.difference,
                    p=found.p,
                )
            )
    return tests


def _ranking(row: Row, index: int | None) -> tuple[NDArray[np.bool_], FloatArray]:
    entry = row.entry
    if index is None:
        return metrics.malignancy(entry.targets, entry.probabilities, entry.task)
    return entry.targets == index, entry.probabilities[:, index]
