"""How often a subgroup that is drawn at random has so large a gap.

The bootstrap cannot judge small subgroups alone: where all of its 20 lesions are decided right, so
they are in every resample. This test compares lesions within a stratum: the classes for BACC,
malignant and benign lesions for the other measures. It draws, within each stratum, as many lesions
as the subgroup has, again and again, and so tests that within a stratum the subgroup tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skin.analysis import metrics
from skin.analysis.metrics import FloatArray, IntArray
from skin.analysis.significance.delong import components
from skin.analysis.subgroups.tally import Groups

_ROUNDING = 1e-9
_AT_ONCE = 100  # draws held in memory together
_KEY = 0x5C1  # keeps these draws apart from the bootstrap's of the same seed


@dataclass(frozen=True, eq=False)
class Model:
    """What one model's gaps are judged by.

    Attributes:
        values: each measure's value of every image (N,), as `values_of` gives them.
        gaps: each measure's gap in every subgroup (S,); NaN where there is none.
    """

    values: Mapping[str, FloatArray]
    gaps: Mapping[str, FloatArray]


class _Strata:
    """Lesions by stratum, and how many of each a subgroup holds.

    Args:
        groups: the subgroups.
        stratum: (N,) of each image.
        count: how many strata there are.
    """

    def __init__(self, groups: Groups, stratum: IntArray, count: int) -> None:
        lesions = int(groups.lesion.max()) + 1
        # A lesion whose images lie in several strata has a unit in each.
        keys, first, unit = np.unique(
            stratum * lesions + groups.lesion, return_index=True, return_inverse=True
        )
        indicator = groups.indicator()
        here = np.eye(count)[stratum]
        self._stratum, self._unit = stratum, unit
        self._of_unit = keys // lesions
        images = indicator @ here
        inside = np.rint(indicator[:, first] @ here[first]).astype(np.int64)
        self._ends = np.searchsorted(self._of_unit, np.arange(count)) + inside
        rest = here.sum(axis=0) - images
        self._scale = np.where((images > 0) & (rest > 0), _inverse(images) + _inverse(rest), 0)

    def orders(self, draws: int, rng: np.random.Generator) -> IntArray:
        """Shuffle the units within each stratum: (draws, U)."""
        keys = self._of_unit + rng.random((draws, len(self._of_unit)))
        orders: IntArray = keys.argsort(axis=1)
        return orders

    def residuals(self, of_image: FloatArray) -> FloatArray:
        """Sum over each unit what its images (N,) differ from their stratum's mean: (U,)."""
        means = np.bincount(self._stratum, of_image) / np.maximum(np.bincount(self._stratum), 1)
        return np.bincount(self._unit, of_image - means[self._stratum]).astype(np.float64)

    def gaps(self, residuals: FloatArray, orders: IntArray, share: FloatArray) -> FloatArray:
        """The gaps of drawn subgroups, each the first units of each stratum: (draws, S).

        A stratum's residuals sum to 0, so that one running sum serves all strata.

        Args:
            residuals: (U,) of the units.
            orders: (draws, U) as `orders` gives them.
            share: (S, K) what each stratum counts in the measure.
        """
        sums = np.zeros((len(orders), len(residuals) + 1))
        np.cumsum(residuals[orders], axis=1, out=sums[:, 1:])
        drawn: FloatArray = np.einsum("bsk,sk->bs", sums[:, self._ends], self._scale * share)
        return drawn


def permutation_p(
    groups: Groups, models: Sequence[Model], *, draws: int, seed: int
) -> list[dict[str, FloatArray]]:
    """Two-sided p-values of the gaps of several models, all on the same draws.

    They are (1 + k) / (1 + draws), k of the draws having at least so large a gap, and so never
    below 1 / (1 + draws).

    Args:
        groups: the subgroups.
        models: their values and gaps.
        draws: how many.
        seed: fixes them.

    Returns:
        For each model, each measure's p-values (S,); NaN where there is no gap.
    """
    rng = np.random.default_rng([_KEY, seed])
    count = len(groups.task)
    strata = (
        _Strata(groups, groups.targets, count),
        _Strata(groups, groups.malignant[groups.targets].astype(np.int64), 2),
    )
    of_classes = groups.shared / np.maximum(groups.shared.sum(axis=1, keepdims=True), 1)
    benign, malignant = np.eye(2)
    plans = {
        "bacc": (0, of_classes),
        "sensitivity": (1, malignant),
        "specificity": (1, benign),
        "malignant_auc": (1, benign + malignant),
    }
    reached = [{name: np.zeros(len(of_classes)) for name in plans} for _ in models]
    for start in range(0, draws, _AT_ONCE):
        orders = [one.orders(min(_AT_ONCE, draws - start), rng) for one in strata]
        for model, counts in zip(models, reached, strict=True):
            for name, (which, share) in plans.items():
                residuals = strata[which].residuals(model.values[name])
                drawn = strata[which].gaps(residuals, orders[which], share)
                counts[name] += (np.abs(drawn) >= np.abs(model.gaps[name]) - _ROUNDING).sum(axis=0)
    return [
        {
            name: np.where(np.isnan(model.gaps[name]), np.nan, (1 + counts[name]) / (1 + draws))
            for name in plans
        }
        for model, counts in zip(models, reached, strict=True)
    ]


def values_of(
    groups: Groups, probabilities: FloatArray, scores: FloatArray
) -> dict[str, FloatArray]:
    """Each image's value (N,) of every measure, whose means within strata are compared.

    AUC enters by its structural components, so that its draws are right to the first order.
    """
    decided = metrics.decide(scores)
    suspected = np.append(groups.malignant, False)[decided]
    cleared = np.append(~groups.malignant, False)[decided]
    positive, suspicion = metrics.malignancy(groups.targets, probabilities, groups.task)
    placed = np.zeros(len(decided))
    if positive.any() and not positive.all():
        placed[positive], placed[~positive] = components(positive, suspicion)
    return {
        "bacc": (decided == groups.targets).astype(np.float64),
        "sensitivity": suspected.astype(np.float64),
        "specificity": cleared.astype(np.float64),
        "malignant_auc": placed,
    }


def _inverse(counts: FloatArray) -> FloatArray:
    return 1 / np.maximum(counts, 1)
