"""Every way to combine runs, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from skin.ensembling.combine.blend import Geometric, LogOdds, Mean, Rank
from skin.ensembling.combine.boost import Boosted, fit_boosted
from skin.ensembling.combine.greedy import fit_greedy
from skin.ensembling.combine.stack import Logistic, fit_logistic
from skin.ensembling.combine.subsets import MOST_RUNS, fit_subset
from skin.ensembling.combine.weights import fit_bacc, fit_logloss
from skin.ensembling.oof import OutOfFold

Combiner = Annotated[
    Mean | Geometric | LogOdds | Rank | Logistic | Boosted, Field(discriminator="kind")
]


@dataclass(frozen=True)
class Method:
    """A way to combine runs.

    Attributes:
        name: as the command line has it.
        title: in a few words.
        fit: makes a combiner of out-of-fold predictions.
        fitted: whether anything in it comes from the images at hand, so that it has to be judged on
            others.
        uses_metadata: whether it needs age, sex and site of the images to be known.
        single: whether there is a point in it for one run.
        most_runs: how many runs it takes at most; none: any number.
    """

    name: str
    title: str
    fit: Callable[[OutOfFold], Combiner]
    fitted: bool
    uses_metadata: bool = False
    single: bool = False
    most_runs: int | None = None


def _mean(oof: OutOfFold) -> Mean:
    return Mean.equal(len(oof.names))


def _geometric(oof: OutOfFold) -> Geometric:
    return Geometric.equal(len(oof.names))


def _log_odds(oof: OutOfFold) -> LogOdds:
    return LogOdds.equal(len(oof.names))


def _rank(oof: OutOfFold) -> Rank:
    return Rank.fit(oof.log_probabilities)


def _unbalanced(oof: OutOfFold) -> Mean:
    return fit_logloss(oof, balanced=False)


def _blend(name: str, title: str, fit: Callable[[OutOfFold], Combiner]) -> Method:
    return Method(name, title, fit, fitted=False)


def _weighting(name: str, title: str, fit: Callable[[OutOfFold], Combiner]) -> Method:
    return Method(name, title, fit, fitted=True)


def _stackers(
    name: str, title: str, fit: Callable[..., Logistic] | Callable[..., Boosted]
) -> tuple[Method, Method]:
    """Without metadata and with it."""
    return (
        Method(name, title, fit, fitted=True, single=True),
        Method(
            f"{name}-metadata",
            f"{title}, with age, sex and site",
            partial(fit, metadata=True),
            fitted=True,
            uses_metadata=True,
            single=True,
        ),
    )


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        _blend("mean", "mean of probabilities", _mean),
        _blend("geometric", "geometric mean of probabilities (mean of logits)", _geometric),
        _blend("logit", "mean of one-against-the-rest log-odds", _log_odds),
        Method("rank", "mean of ranks", _rank, fitted=True),
        _weighting("weights-logloss", "weights for the log loss", _unbalanced),
        _weighting("weights-balanced", "weights for the class-balanced log loss", fit_logloss),
        _weighting("weights-bacc", "weights for balanced accuracy", fit_bacc),
        _weighting("greedy", "greedy selection with replacement, bagged", fit_greedy),
        Method(
            "subset",
            "best subset of the runs",
            fit_subset,
            fitted=True,
            most_runs=MOST_RUNS,
        ),
        *_stackers("logistic", "stacked: multinomial logistic regression", fit_logistic),
        *_stackers("boosting", "stacked: gradient boosting", fit_boosted),
    )
}
