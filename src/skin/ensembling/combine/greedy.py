"""Greedy forward selection of runs with replacement.

Caruana, Niculescu-Mizil, Crew, Ksikes 2004, "Ensemble selection from libraries of models" (ICML),
with its three guards against overfitting: selection with replacement, a start from the best runs,
and bagging over random halves of the library.
"""

from __future__ import annotations

import math

import numpy as np

from skin.analysis.metrics import FloatArray, IntArray
from skin.ensembling.combine.blend import Mean
from skin.ensembling.combine.objective import Objective
from skin.ensembling.oof import OutOfFold

_BAGS = 20
_SHARE = 0.5  # of the library in each bag: the paper's p
_LEAST = 2  # runs in a bag, as selection from one run chooses nothing
_START = 5  # how many of the best runs the start may have
_ROUNDS = 30
_SEED = 2004


def fit_greedy(oof: OutOfFold) -> Mean:
    """Select by balanced accuracy, or by the lower balanced log loss where that is equal.

    The weights are the mean of the bags' selections. No bag has judged that mean, which may score
    below the best single run even where it was fitted. Then, unlike in the paper, the selection
    from the whole library is taken, which starts from the best run and cannot.
    """
    objective = Objective.of(oof)
    runs = objective.runs
    size = min(runs, max(_LEAST, math.ceil(_SHARE * runs)))
    generator = np.random.default_rng(_SEED)
    bags = [np.sort(generator.permutation(runs)[:size]) for _ in range(_BAGS)]
    weights = np.mean([select(objective, bag) for bag in bags], axis=0)
    if objective.bacc(objective.mix(weights)) < objective.bacc(objective.probabilities).max():
        weights = select(objective, np.arange(runs))
    return Mean(weights=tuple(weights.tolist()))


def select(objective: Objective, library: IntArray) -> FloatArray:
    """Select from some runs (their places): the share (R,) that each has in the best mixture.

    The start is the best of: the best run, the best two, and so on. In each round the run joins
    that makes the best mixture, whether or not it is better than before; what counts in the end is
    the best mixture on the way, the earliest of equals.
    """
    candidates = objective.probabilities[library]
    order = _best_first(objective, candidates)
    sums = candidates[order[:_START]].cumsum(axis=0)
    sizes = np.arange(1, len(sums) + 1)
    chosen = int(_best_first(objective, sums / sizes[:, None, None])[0])
    counts = np.zeros(len(library))
    counts[order[: chosen + 1]] = 1
    total, best = sums[chosen], counts.copy()
    reached = _worth(objective, total / counts.sum())
    for _ in range(_ROUNDS):
        grown = (total + candidates) / (counts.sum() + 1)
        joins = int(_best_first(objective, grown)[0])
        counts[joins] += 1
        total = total + candidates[joins]
        worth = _worth(objective, grown[joins])
        if worth > reached:
            reached, best = worth, counts.copy()
    shares = np.zeros(objective.runs)
    shares[library] = best / best.sum()
    return shares


def _best_first(objective: Objective, mixtures: FloatArray) -> IntArray:
    """Places of mixtures (K, C, N), the best first, the earlier of equals first."""
    return np.lexsort((objective.log_loss(mixtures), -objective.bacc(mixtures)))


def _worth(objective: Objective, mixture: FloatArray) -> tuple[float, float]:
    return float(objective.bacc(mixture)), -float(objective.log_loss(mixture))
