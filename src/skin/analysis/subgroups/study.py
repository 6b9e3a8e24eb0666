"""Models' scores in every subgroup, their gaps to the rest, and which gaps are supported."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from skin.analysis.metrics import FloatArray, IntArray
from skin.analysis.significance.pvalues import ALPHA, holm
from skin.analysis.statistics import Interval, interval, lesion_weights
from skin.analysis.subgroups.counts import Division, Limits, Subgroup, divide
from skin.analysis.subgroups.factors import Factor
from skin.analysis.subgroups.permutation import Model, permutation_p, values_of
from skin.analysis.subgroups.tally import Scores, Tally
from skin.taxonomy import Task

MEASURES = {
    "bacc": "BACC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "malignant_auc": "Malignant AUC",
}
_NONE = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Estimate:
    """One measure of a model in a subgroup.

    Attributes:
        value: in the subgroup; NaN where there is too little.
        gap: to all other lesions; NaN where there is too little on either side.
        p: of the gap, by permutation within strata.
        p_holm: corrected over the subgroups of the same model and measure.
    """

    value: Interval
    gap: Interval
    p: float
    p_holm: float

    @property
    def supported(self) -> bool:
        """Whether the gap's interval leaves zero out and its corrected p-value is below 0.05."""
        return self.gap.excludes_zero and self.p_holm < ALPHA


@dataclass(frozen=True)
class Study:
    """What was found.

    Attributes:
        subgroups: those of each factor with several levels, in order.
        single: the factors with one level, which divide nothing.
        estimates: for each model's name and measure, as many as there are subgroups.
        draws: of the permutation test.
        limits: below which figures are left out.
    """

    subgroups: Sequence[Subgroup]
    single: Sequence[Factor]
    estimates: Mapping[str, Mapping[str, Sequence[Estimate]]]
    draws: int
    limits: Limits


@dataclass(frozen=True, eq=False)
class Predictions:
    """A model's (N, C) probabilities of the images, and the scores whose argmax decides."""

    name: str
    probabilities: FloatArray
    scores: FloatArray


def study(
    targets: IntArray,
    lesions: ArrayLike,
    task: Task,
    factors: Sequence[Factor],
    models: Sequence[Predictions],
    *,
    limits: Limits | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Study:
    """Score models within every subgroup and compare it with the rest.

    Intervals are percentiles of a bootstrap over lesions, the same resamples for all models and
    subgroups. Gaps in BACC are over the classes that both sides have.

    Args:
        targets: (N,) true class indices.
        lesions: (N,) the lesion of each image, as names or numbers.
        task: names the classes and says which are malignant.
        factors: what to divide by.
        models: predictions of the same images.
        limits: below which a figure is left out.
        resamples: of the bootstrap, and draws of the permutation test.
        seed: of both.
    """
    limits = limits or Limits()
    lesion = np.unique(lesions, return_inverse=True)[1]
    several = [factor for factor in factors if len(factor.levels) > 1]
    single = [factor for factor in factors if len(factor.levels) == 1]
    if not several:
        return Study([], single, {model.name: {} for model in models}, resamples, limits)
    division = divide(targets, lesion, task, several, limits)
    groups = division.groups
    tallies = [Tally(groups, model.probabilities, model.scores) for model in models]
    count = int(lesion.max()) + 1
    on_data = [_known(tally.scores(np.ones((count, 1))), division) for tally in tallies]
    samples: list[list[Scores]] = [[] for _ in models]
    for weights in lesion_weights(count, resamples, seed):
        for tally, parts in zip(tallies, samples, strict=True):
            parts.append(tally.scores(weights))
    judged = [
        Model(
            values_of(groups, model.probabilities, model.scores),
            {name: gap[:, 0] for name, (_, gap) in scores.items()},
        )
        for model, scores in zip(models, on_data, strict=True)
    ]
    p_values = permutation_p(groups, judged, draws=resamples, seed=seed)
    estimates = {
        model.name: {
            name: _estimates(scores[name], [part[name] for part in parts], p[name])
            for name in MEASURES
        }
        for model, scores, parts, p in zip(models, on_data, samples, p_values, strict=True)
    }
    return Study(division.subgroups, single, estimates, resamples, limits)


def _known(scores: Scores, division: Division) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Scores (S, 1) without those that there are too few lesions for."""
    return {
        name: (
            np.where(division.enough[name][0][:, None], value, np.nan),
            np.where(division.enough[name][1][:, None], gap, np.nan),
        )
        for name, (value, gap) in scores.items()
    }


def _estimates(
    on_data: tuple[FloatArray, FloatArray],
    parts: Sequence[tuple[FloatArray, FloatArray]],
    p: FloatArray,
) -> list[Estimate]:
    """One measure in every subgroup, from its scores on the data (S, 1) and on resamples (S, b)."""
    values, gaps = (
        [
            _interval(float(value), row)
            for value, row in zip(here[:, 0], np.concatenate(samples, axis=1), strict=True)
        ]
        for here, samples in zip(on_data, zip(*parts, strict=True), strict=True)
    )
    return [
        Estimate(value, gap, float(raw), float(corrected))
        for value, gap, raw, corrected in zip(values, gaps, p, holm(p), strict=True)
    ]


def _interval(value: float, samples: FloatArray) -> Interval:
    return _NONE if math.isnan(value) else interval(value, samples)
