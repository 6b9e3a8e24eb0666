"""Ways to make one prediction of several runs' predictions.

A combiner takes log-probabilities (R, N, C) of R runs, in the ensemble's order, and gives
log-probabilities (N, C). It is plain data, so that an ensemble's file can hold it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, field_validator
from scipy.special import logsumexp


class Mean(BaseModel):
    """The weighted mean of the probabilities.

    Attributes:
        weights: one a run; they sum to 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["mean"] = "mean"
    weights: tuple[float, ...]

    @classmethod
    def equal(cls, runs: int) -> Mean:
        """The plain mean of that many runs."""
        return cls(weights=(1 / runs,) * runs)

    @field_validator("weights")
    @classmethod
    def _are_shares(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if not weights or min(weights) < 0 or not np.isclose(sum(weights), 1):
            raise ValueError("must be non-negative and sum to 1")
        return weights

    def combine(self, log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Combine (R, N, C) to (N, C).

        Raises:
            ValueError: there is another number of runs than of weights.
        """
        if len(log_probabilities) != len(self.weights):
            raise ValueError(f"{len(log_probabilities)} runs for {len(self.weights)} weights")
        weights = np.array(self.weights)[:, None, None]
        combined: NDArray[np.float64] = logsumexp(log_probabilities, axis=0, b=weights)
        return combined


# Weighting and stacking join this type as further members of a union over `kind`.
Combiner = Mean
