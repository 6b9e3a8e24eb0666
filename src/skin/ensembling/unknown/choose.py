"""Choosing the outlier score and its threshold, from images that no model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from skin.analysis import metrics
from skin.analysis.metrics import FloatArray
from skin.ensembling.oof import OutOfFold
from skin.ensembling.unknown.gather import Outliers, gather_outliers, require_same_images
from skin.ensembling.unknown.rule import ScoreName, Unknown, fit_threshold, odds_of
from skin.errors import SkinError, did_you_mean
from skin.models.outliers import SCORES
from skin.runs import Run
from skin.taxonomy import Task

AUTO = "auto"
NONE = "none"
KEPT = 0.95
"""The share of known images that is kept where none is asked for."""

DEFAULT = "entropy"
"""The score where no image outside the classes is held out to choose one by.

Every head has it, and lesions of rare kinds are like those of the classes: such near outliers are
told by the output at least as well as by the Mahalanobis distance (Ren et al. 2021, arXiv
2106.09022). Of those on the output it alone sees how the rest of the probability is spread.
"""


def wanted_outliers(runs: Sequence[Run], oof: OutOfFold, choice: str) -> Outliers | None:
    """Give the outlier scores of the runs' held-out images, if unknown lesions are to be told.

    Args:
        runs: of one task.
        oof: their predictions, in parts that share no lesion.
        choice: a key of `SCORES`, `auto` or `none`.

    Raises:
        SkinError: there is no score of that name, the task has no unknown lesions, or the scores
            are missing or of other images.
    """
    _check_choice(choice, oof.task)
    if oof.task.unknown is None or choice == NONE:
        return None
    outliers = gather_outliers(runs)
    require_same_images(outliers, oof)
    return outliers.with_parts_of(oof)


def _check_choice(choice: str, task: Task) -> None:
    if choice not in {AUTO, NONE, *SCORES}:
        raise SkinError(
            f"unknown outlier score '{choice}': {did_you_mean(choice, [AUTO, NONE, *SCORES])}"
        )
    if task.unknown is None and choice in SCORES:
        raise SkinError(
            f"--unknown {choice}: task '{task.name}' has no column for lesions that are none of "
            "its classes; leave it out"
        )


def choose_score(outliers: Outliers) -> str:
    """The score that best tells the images outside the classes by AUROC; without any, `DEFAULT`."""
    outside = outliers.outside
    if not outside.any() or outside.all():
        return DEFAULT
    return max(outliers.scores, key=lambda name: metrics.auc(outside, outliers.scores[name]))


def fit_unknown(outliers: Outliers, choice: str = AUTO, kept: float = KEPT) -> Unknown:
    """Fit on all held-out images, for images to come.

    Args:
        outliers: of the ensemble's runs.
        choice: a key of `SCORES`, or `auto`.
        kept: the share of known images to keep, all classes weighing alike.

    Raises:
        SkinError: not all of the runs have the score.
    """
    name = choose_score(outliers) if choice == AUTO else _require(outliers, choice)
    return Unknown(
        score=cast("ScoreName", name),
        kept=kept,
        threshold=fit_threshold(outliers.scores[name], outliers.targets, kept),
        standards=outliers.standards[name],
    )


def nested_odds(outliers: Outliers, choice: str, kept: float) -> FloatArray:
    """Judge each part by what was chosen and fitted on the other parts: (N,) odds.

    Where the score is chosen, too, the parts may be judged by different ones. What they have in
    common is that odds of 1 are the threshold.

    Args:
        outliers: with parts that share no lesion.
        choice: a key of `SCORES`, or `auto`.
        kept: as `fit_unknown` takes it.
    """
    odds = np.empty(len(outliers))
    for number in np.unique(outliers.parts):
        held = outliers.parts == number
        rest = outliers.take(~held)
        name = choose_score(rest) if choice == AUTO else choice
        threshold = fit_threshold(rest.scores[name], rest.targets, kept)
        odds[held] = odds_of(outliers.scores[name][held], threshold)
    return odds


def _require(outliers: Outliers, name: str) -> str:
    if name not in outliers.scores:
        raise SkinError(
            f"--unknown {name}: not all of the runs have it, as the hierarchical head has no "
            f"logits; choose one of {', '.join(outliers.scores)}"
        )
    return name
