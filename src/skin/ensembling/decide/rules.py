"""Decision rules as plain data.

A rule takes probabilities (N, C) and gives scores (N, C) in [0, 1] whose plain argmax is its
decision, so that a submission can carry it to a scorer that knows nothing but argmax.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from skin.analysis.checks import check_probabilities
from skin.analysis.metrics import FloatArray

_TIE_BREAK = 1e-9
"""The share of the probabilities in the scores of a cost rule."""

_LEAST_RATIO = 1e-100
"""Of two weights: far below, a row of weighted probabilities could vanish."""


class _Fitted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Argmax(_Fitted):
    """The likeliest class."""

    kind: Literal["argmax"] = "argmax"

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Give the probabilities (N, C) back; ValueError if a row is no distribution."""
        check_probabilities(probabilities)
        return probabilities.clip(0, 1)


class Weights(_Fitted):
    """The class of the highest weighted probability; the scores sum to 1.

    Attributes:
        weights: one a class; only their ratios matter.
    """

    kind: Literal["weights"] = "weights"
    weights: tuple[Annotated[float, Field(gt=0)], ...]

    @field_validator("weights")
    @classmethod
    def _can_be_compared(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if not weights or min(weights) < max(weights) * _LEAST_RATIO:
            raise ValueError(f"must be one a class, none below {_LEAST_RATIO} of the highest")
        return weights

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Give scores (N, C); ValueError if a row is no distribution over these classes."""
        check_probabilities(probabilities, len(self.weights))
        weighted = probabilities * (np.array(self.weights) / max(self.weights))
        scores: FloatArray = weighted / weighted.sum(axis=1, keepdims=True)
        return scores


class Cost(_Fitted):
    """The class of the least expected cost.

    Elkan 2001 ("The foundations of cost-sensitive learning", IJCAI), equation 1. A class's
    score is 1 minus its expected cost in units of the highest cost; with all costs 1 it is the
    probability. A billionth of the probability is mixed in, so that of decisions that cost the
    same, as of two classes whose confusion costs nothing, the likelier class is taken: a tie would
    be no decision.

    Attributes:
        costs: (C, C), of deciding for the column's class where the row's is true.
    """

    kind: Literal["cost"] = "cost"
    costs: tuple[tuple[Annotated[float, Field(ge=0)], ...], ...]

    @field_validator("costs")
    @classmethod
    def _are_of_mistakes(
        cls, costs: tuple[tuple[float, ...], ...]
    ) -> tuple[tuple[float, ...], ...]:
        if not costs or any(len(row) != len(costs) for row in costs):
            raise ValueError("must have as many columns as rows")
        if any(row[k] for k, row in enumerate(costs)):
            raise ValueError("must be 0 for the right decision")
        if not any(map(any, costs)):
            raise ValueError("must be above 0 for a mistake")
        return costs

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Give scores (N, C); ValueError if a row is no distribution over these classes."""
        check_probabilities(probabilities, len(self.costs))
        costs = np.array(self.costs)
        cheap = 1 - probabilities @ (costs / costs.max())
        scores: FloatArray = (1 - _TIE_BREAK) * cheap + _TIE_BREAK * probabilities
        return scores.clip(0, 1)


class Sensitivity(_Fitted):
    """One class wherever its probability exceeds a threshold, else the likeliest of the others.

    The class keeps its probability as score, so that its ranking (AUC) stays; those of the others
    are scaled so that the highest is the threshold.

    Attributes:
        index: of the class.
        threshold: that its probability must exceed.
    """

    kind: Literal["sensitivity"] = "sensitivity"
    index: Annotated[int, Field(ge=0)]
    threshold: Annotated[float, Field(gt=0, lt=1)]

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Give scores (N, C); ValueError if a row is no distribution, or lacks the class."""
        check_probabilities(probabilities)
        if self.index >= probabilities.shape[1]:
            raise ValueError(f"no class {self.index} in {probabilities.shape}")
        own = probabilities[:, self.index].clip(0, 1)
        others = probabilities.copy()
        others[:, self.index] = 0
        highest = others.max(axis=1, keepdims=True)
        shares = np.divide(others, highest, out=np.zeros_like(others), where=highest > 0)
        scores: FloatArray = self.threshold * shares
        # At the threshold the class is not decided: it must not tie with the highest of the others.
        below = np.nextafter(self.threshold, 0)
        scores[:, self.index] = np.where(own == self.threshold, below, own)
        return scores


Rule = Annotated[Argmax | Weights | Cost | Sensitivity, Field(discriminator="kind")]
