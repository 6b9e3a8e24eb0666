"""Fits of a mean's weights: by log loss, which is convex, and by balanced accuracy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.optimize import nnls

from skin.analysis.metrics import FloatArray
from skin.ensembling.combine.blend import Mean
from skin.ensembling.combine.objective import LEAST, Objective
from skin.ensembling.oof import OutOfFold

_SWEEPS = 30  # over all pairs of runs, at most
_WIDTH = 1e-6  # a span of weights that is narrower is taken for rounding
_NOTHING = 1e-9  # a weight below counts as 0
_EXACT = 1e-6  # how far a log loss may be above the least
_STEPS = 500
_RIDGE = 1e-10  # of the mean curvature
_ARMIJO, _SHORTEST = 1e-4, 1e-12  # of the line search


def fit_logloss(oof: OutOfFold, *, balanced: bool = True) -> Mean:
    """The mean with the least log loss.

    Args:
        oof: to fit on.
        balanced: whether every class counts alike, however many images it has. The balanced log
            loss is the smooth stand-in for balanced accuracy: it asks the same question, what is
            said of the true class averaged over classes, of probabilities instead of decisions.
            Unbalanced, the weights are those of the commonest class (in HAM10000 two images of
            three are nevi), and suit runs that were not trained for even classes.
    """
    objective = Objective.of(oof)
    images = len(oof)
    shares = objective.shares if balanced else np.full(images, 1 / images)
    return _mean(least_log_loss(objective.probabilities[:, 0], shares))


def fit_bacc(oof: OutOfFold) -> Mean:
    """The mean whose argmax has the highest balanced accuracy near the balanced log loss's best.

    From there, weight is moved between two runs at a time, by as much as is best, until no pair
    gains. BACC is a step function, so that this is a local optimum, not the highest there is.
    """
    objective = Objective.of(oof)
    weights = least_log_loss(objective.probabilities[:, 0], objective.shares)
    best = objective.bacc(objective.mix(weights))
    for _ in range(_SWEEPS):
        before = best
        for giver, taker in combinations(range(objective.runs), 2):
            changed = _exchange(objective, weights, giver, taker)
            value = objective.bacc(objective.mix(changed))
            if value > best:
                weights, best = changed, value
        if best == before:
            break
    return _mean(weights)


def least_log_loss(likelihoods: FloatArray, shares: FloatArray) -> FloatArray:
    """Minimise the log loss of a mixture over non-negative weights that sum to 1.

    Newton's method with non-negative least squares for each step, after Kim, Carbonetto, Stephens,
    Anitescu 2018 (arXiv 1806.01412): the sum of the weights stands in the loss instead of in a
    constraint, and is 1 at the optimum. The problem is convex and the start is at equal weights, so
    that the result is always the same. (scipy's SLSQP sticks where a likelihood falls steeply.) A
    probability below `LEAST` counts as that.

    Args:
        likelihoods: (R, N) the true class's probability by each run.
        shares: (N,) what each image counts for; they sum to 1.

    Returns:
        (R,) weights whose loss is at most `_EXACT` above the least.
    """
    floored = np.maximum(likelihoods, LEAST)
    # An image's scale is a constant of the loss.
    scaled = np.ascontiguousarray((floored / floored.max(axis=0)).T)
    weights = np.full(scaled.shape[1], 1 / scaled.shape[1])
    for _ in range(_STEPS):
        # By convexity no weights have a loss lower by more than the largest descent less 1.
        descent = (shares / (scaled @ weights)) @ scaled
        if descent.max() <= 1 + _EXACT:
            return weights
        weights = _newton_step(scaled, shares, weights)
    raise RuntimeError(f"the weights of {len(weights)} runs did not converge")


def _newton_step(likelihoods: FloatArray, shares: FloatArray, weights: FloatArray) -> FloatArray:
    """Go from weights (R,) to where the loss's quadratic model is least, or part of the way."""

    def loss(w: FloatArray) -> float:
        return float(w.sum() - shares @ np.log(likelihoods @ w))

    mixed = likelihoods @ weights
    descent = (shares / mixed) @ likelihoods
    rooted = likelihoods * (np.sqrt(shares) / mixed)[:, None]
    hessian = rooted.T @ rooted
    ridge = _RIDGE * np.trace(hessian) / len(weights)  # runs that are alike have no one optimum
    factor = np.linalg.cholesky(hessian + ridge * np.eye(len(weights)))
    aim, _ = nnls(factor.T, np.linalg.solve(factor, 2 * descent - 1 + ridge * weights))
    step = aim - weights
    slope = (1 - descent) @ step
    length = 1.0
    while loss(weights + length * step) > loss(weights) + _ARMIJO * length * slope:
        length /= 2
        if length < _SHORTEST:
            return weights
    moved = weights + length * step
    normalised: FloatArray = moved / moved.sum()
    return normalised


def _exchange(objective: Objective, weights: FloatArray, giver: int, taker: int) -> FloatArray:
    """Move the amount of weight from one run to another that serves balanced accuracy best.

    An exact line search (Och 2003, "Minimum error rate training in statistical machine
    translation", ACL): along the line every class's lead is linear, so that each image is decided
    right on one open interval, and a sweep over the intervals' ends finds the best span. Of equal
    spans the widest is taken, and of it the middle.
    """
    mixture = objective.mix(weights)
    direction = objective.probabilities[taker] - objective.probabilities[giver]
    low, high = _right_between(mixture[0] - mixture[1:], direction[0] - direction[1:])
    least, most = -weights[taker], weights[giver]
    low, high = np.clip(low, least, most), np.clip(high, least, most)
    ever = low < high
    ends = np.concatenate([[least], low[ever], high[ever], [most]])
    gains = np.concatenate([[0.0], objective.shares[ever], -objective.shares[ever], [0.0]])
    order = np.argsort(ends, kind="stable")
    values = gains[order].cumsum()[:-1].round(9)
    widths = np.diff(ends[order])
    values[widths < _WIDTH] = -1
    span = np.lexsort((widths, values))[-1]
    moved = weights.copy()
    amount = ends[order][span] + widths[span] / 2
    moved[giver] -= amount
    moved[taker] += amount
    return moved.clip(0)


def _right_between(lead: FloatArray, slope: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The open interval on which lead + t * slope > 0 in every row: (C - 1, N) to two (N,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        zero = -lead / slope
    never = np.where(lead > 0, -np.inf, np.inf)  # where nothing changes: always right, or never
    low = np.where(slope > 0, zero, np.where(slope < 0, -np.inf, never)).max(axis=0)
    high = np.where(slope < 0, zero, np.inf).min(axis=0)
    return low, high


def _mean(weights: FloatArray) -> Mean:
    """Drop what is no weight, and make shares of the rest."""
    kept = np.where(weights < _NOTHING, 0, weights)
    return Mean(weights=tuple((kept / kept.sum()).tolist()))
