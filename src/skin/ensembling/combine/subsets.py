"""The best subset of a few runs, by trying them all."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from skin.analysis.metrics import FloatArray
from skin.ensembling.combine.blend import Mean
from skin.ensembling.combine.objective import Objective
from skin.ensembling.oof import OutOfFold
from skin.errors import SkinError

MOST_RUNS = 10  # 1,023 subsets


def fit_subset(oof: OutOfFold) -> Mean:
    """The plain mean of the runs that has the highest balanced accuracy.

    Of equals, the one of fewer runs, then that with the lower class-balanced log loss.

    Raises:
        SkinError: there are too many runs to try all subsets.
    """
    objective = Objective.of(oof)
    if objective.runs > MOST_RUNS:
        raise SkinError(
            f"'subset' tries all subsets of at most {MOST_RUNS} runs, not of {objective.runs}; "
            "use 'greedy'"
        )
    subsets = [
        np.bincount(chosen, minlength=objective.runs) / size
        for size in range(1, objective.runs + 1)
        for chosen in combinations(range(objective.runs), size)
    ]

    def worth(weights: FloatArray) -> tuple[float, int, float]:
        mixture = objective.mix(weights)
        bacc, loss = float(objective.bacc(mixture)), float(objective.log_loss(mixture))
        return bacc, -int(np.count_nonzero(weights)), -loss

    return Mean(weights=tuple(max(subsets, key=worth).tolist()))
