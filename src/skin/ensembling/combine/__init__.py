"""Ways to make one prediction of several runs' predictions.

A combiner takes log-probabilities (R, N, C) of R runs, in the ensemble's order, and gives
normalised log-probabilities (N, C). It is plain data, so that an ensemble's file can hold it.
"""

from __future__ import annotations

from skin.ensembling.combine.blend import Blend, Geometric, LogOdds, Mean, Rank
from skin.ensembling.combine.boost import Boosted
from skin.ensembling.combine.methods import METHODS, Combiner, Method
from skin.ensembling.combine.stack import Logistic

__all__ = [
    "METHODS",
    "Blend",
    "Boosted",
    "Combiner",
    "Geometric",
    "LogOdds",
    "Logistic",
    "Mean",
    "Method",
    "Rank",
]
