"""What follows from an assessment's figures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

import numpy as np

from skin.analysis.metrics import Scores
from skin.analysis.statistics import Interval, paired_difference
from skin.ensembling.assess import UNCALIBRATED
from skin.ensembling.assessment import Assessment, Line, RuleLine
from skin.ensembling.decide import parse_rule
from skin.taxonomy import Task


class _Choosable(Protocol):
    @property
    def chosen(self) -> bool: ...


_Candidate = TypeVar("_Candidate", bound=_Choosable)


def chosen(candidates: Iterable[_Candidate]) -> _Candidate:
    """The one that the ensemble has.

    Raises:
        ValueError: not exactly one is chosen.
    """
    marked = [candidate for candidate in candidates if candidate.chosen]
    if len(marked) != 1:
        raise ValueError(f"expected one chosen line, got {len(marked)}")
    return marked[0]


def best_run(assessment: Assessment) -> Line:
    """The single run that differences are to."""
    return next(line for line in assessment.lines if line.kind == "run")


def plain_argmax(assessment: Assessment) -> RuleLine:
    """The decision without a rule, that every rule stands beside."""
    return next(rule for rule in assessment.rules if rule.name == "argmax")


def rules_from_argmax(assessment: Assessment) -> list[RuleLine]:
    """The rules, plain argmax first."""
    return sorted(assessment.rules, key=lambda rule: rule.name != "argmax")


def title_of_rule(rule: RuleLine, task: Task) -> str:
    """What a rule does, in a few words; nothing for the argmax before calibration."""
    if rule.name == UNCALIBRATED:
        return ""
    # All costs have one title: it does not take the file that they were read from.
    word, _, _ = rule.name.partition(":")
    return parse_rule(word if word == "cost" else rule.name, task).title


def gain_of_rule(assessment: Assessment, rule: RuleLine) -> Interval | None:
    """A rule's BACC minus that of plain argmax, paired; None for plain argmax itself."""
    plain = plain_argmax(assessment)
    return None if rule is plain else paired_difference(rule.bootstrap, plain.bootstrap)


def malignant_sensitivity(scores: Scores, task: Task) -> float:
    """The share of malignant lesions' images decided for a malignant class, whichever it is.

    An undecided image counts as missed. NaN where there is no malignant image.
    """
    malignant = np.flatnonzero(np.isin(task.codes, task.malignant))
    images = scores.confusion[malignant]
    found = images[:, malignant].sum()
    return float(found / images.sum()) if images.any() else float("nan")
