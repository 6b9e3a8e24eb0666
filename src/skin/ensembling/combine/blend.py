"""Blends: weighted means of the runs' predictions on one scale or another."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FiniteFloat, field_validator, model_validator
from scipy.special import log_expit, logsumexp

from skin.analysis.metrics import FloatArray
from skin.ensembling.combine.logs import check_runs, log_odds, normalise, without_zeros

_KNOTS = 201  # of a grid of quantiles: one each half a per cent


class Blend(BaseModel):
    """A weighted mean; what is averaged is a subclass's.

    Attributes:
        weights: a share for each run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: tuple[float, ...]

    @field_validator("weights")
    @classmethod
    def _are_shares(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if not weights or min(weights) < 0 or not np.isclose(sum(weights), 1):
            raise ValueError("must be non-negative and sum to 1")
        return weights

    @classmethod
    def equal(cls, runs: int) -> Self:
        """The plain mean of that many runs."""
        return cls(weights=(1 / runs,) * runs)

    @property
    def runs(self) -> int:
        """How many runs it combines."""
        return len(self.weights)

    def combine(
        self,
        log_probabilities: FloatArray,
        metadata: NDArray[np.float32] | None = None,  # noqa: ARG002 - stackers use it
    ) -> FloatArray:
        """Combine log-probabilities (R, N, C) to normalised ones (N, C).

        What comes out is finite, also where a probability is exactly 0 (see `logs.ZERO`).

        Raises:
            ValueError: the shape does not fit, or there is a NaN.
        """
        check_runs(log_probabilities, self.runs)
        lifted = without_zeros(log_probabilities)
        return normalise(self._mean(lifted, np.array(self.weights)))

    @abstractmethod
    def _mean(self, log_probabilities: FloatArray, weights: FloatArray) -> FloatArray:
        """Average (R, N, C) to log-probabilities (N, C) that need not be normalised."""


class Mean(Blend):
    """The weighted mean of the probabilities (a linear opinion pool)."""

    kind: Literal["mean"] = "mean"

    def _mean(self, log_probabilities: FloatArray, weights: FloatArray) -> FloatArray:
        mean: FloatArray = logsumexp(log_probabilities, axis=0, b=weights[:, None, None])
        return mean


class Geometric(Blend):
    """The weighted geometric mean of the probabilities (a logarithmic opinion pool), normalised.

    This is also the softmax of the weighted mean of the runs' logits, as logits and
    log-probabilities differ by a number a row, which normalising takes away. A run that is sure
    that a class is wrong outvotes the others; a probability of 0 counts as exp(`logs.ZERO`), so
    that where runs exclude all classes between them, the least excluded one wins.
    """

    kind: Literal["geometric"] = "geometric"

    def _mean(self, log_probabilities: FloatArray, weights: FloatArray) -> FloatArray:
        mean: FloatArray = np.tensordot(weights, log_probabilities, axes=1)
        return mean


class LogOdds(Blend):
    """The weighted mean of each class's log-odds against the rest, through the sigmoid, normalised.

    Unlike in the geometric mean, what counts is also how near a probability is to 1. For two
    classes they are the same.
    """

    kind: Literal["logit"] = "logit"

    def _mean(self, log_probabilities: FloatArray, weights: FloatArray) -> FloatArray:
        odds = np.tensordot(weights, log_odds(log_probabilities), axes=1)
        mean: FloatArray = log_expit(odds)
        return mean


class Quantiles(BaseModel):
    """Where the probabilities of one class by one run usually lie.

    Attributes:
        knots: (K,) log-odds, strictly ascending.
        levels: (K,) the share of probabilities below each, strictly ascending within (0, 1).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    knots: tuple[FiniteFloat, ...]
    levels: tuple[FiniteFloat, ...]

    @classmethod
    def of(cls, values: FloatArray) -> Quantiles:
        """The quantiles of log-odds (N,): the i-th smallest of N has the level i / (N + 1)."""
        count = len(values)
        share = np.linspace(0, 1, min(count, _KNOTS))
        levels = (1 + share * (count - 1)) / (count + 1)
        knots, places = np.unique(np.quantile(values, share), return_inverse=True)
        shared = np.bincount(places, weights=levels) / np.bincount(places)  # equal values: the mean
        return cls(knots=tuple(knots.tolist()), levels=tuple(shared.tolist()))

    @model_validator(mode="after")
    def _ascend(self) -> Quantiles:
        knots, levels = np.array(self.knots), np.array([0.0, *self.levels, 1.0])
        if not len(knots) or len(knots) != len(self.levels):
            raise ValueError("knots and levels must be equally many, at least one")
        if (np.diff(knots) <= 0).any() or (np.diff(levels) <= 0).any():
            raise ValueError("knots and levels must ascend strictly, levels within (0, 1)")
        return self

    def rank(self, values: FloatArray) -> FloatArray:
        """The level of each log-odds (N,): linear between knots, exponential to 0 and 1 beyond."""
        first, last = self.knots[0], self.knots[-1]
        inside = np.interp(values, self.knots, self.levels)
        below = self.levels[0] * np.exp(np.minimum(values - first, 0))
        above = 1 - (1 - self.levels[-1]) * np.exp(np.minimum(last - values, 0))
        return np.where(values < first, below, np.where(values > last, above, inside))


class Rank(Blend):
    """The weighted mean of ranks, normalised, so that runs of different scales weigh alike.

    A probability's rank is its quantile among the out-of-fold probabilities of that run and class.
    The usual averaging of ranks takes them over the set that is predicted. Here the fitted grid
    stands in for that set: an image's prediction does not depend on what is predicted with it, and
    a shift of all predictions is not taken out. Ranks say nothing of a class's share, as each
    class is ranked high as often as any other: they suit the area under a class's ROC curve, and
    the argmax only once it is calibrated.

    Attributes:
        grid: (R, C) of each run and class.
    """

    kind: Literal["rank"] = "rank"
    grid: tuple[tuple[Quantiles, ...], ...]

    @classmethod
    def fit(cls, log_probabilities: FloatArray, weights: tuple[float, ...] | None = None) -> Rank:
        """Take the grid from out-of-fold log-probabilities (R, N, C); by default, equal weights."""
        odds = log_odds(log_probabilities)
        runs, _, classes = odds.shape
        return cls(
            weights=weights or (1 / runs,) * runs,
            grid=tuple(
                tuple(Quantiles.of(odds[run, :, c]) for c in range(classes)) for run in range(runs)
            ),
        )

    @model_validator(mode="after")
    def _is_whole(self) -> Rank:
        if len(self.grid) != self.runs or len({len(of_run) for of_run in self.grid}) != 1:
            raise ValueError("the grid must have a row for each run, of the same classes")
        return self

    def _mean(self, log_probabilities: FloatArray, weights: FloatArray) -> FloatArray:
        check_runs(log_probabilities, self.runs, len(self.grid[0]))
        odds = log_odds(log_probabilities)
        ranks = np.zeros(odds.shape[1:])
        for run, of_run in enumerate(self.grid):
            for c, quantiles in enumerate(of_run):
                ranks[:, c] += weights[run] * quantiles.rank(odds[run, :, c])
        return np.log(np.maximum(ranks, np.finfo(np.float64).tiny))
