"""Fitting decision rules, by the words that name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skin.analysis.checks import check_probabilities, check_targets
from skin.analysis.metrics import FloatArray, IntArray
from skin.ensembling.decide.costs import built_in_costs, read_costs
from skin.ensembling.decide.rules import Argmax, Cost, Rule, Sensitivity, Weights
from skin.ensembling.decide.tune import tune_weights
from skin.errors import SkinError, did_you_mean
from skin.taxonomy import Task

RULES = ("argmax", "prior", "bacc", "cost", "cost:FILE.csv", "sensitivity:CLASS=SHARE")
"""The texts that `parse_rule` takes, for a help text."""

_LEAST = 1e-300  # a probability below has no room for a threshold under it


@dataclass(frozen=True)
class RuleFit:
    """A decision rule to be fitted.

    Attributes:
        name: the text that names it.
        title: what it does, in a few words.
        fit: gives the rule for calibrated probabilities (N, C) and targets (N,). It raises
            SkinError where the targets lack a class that it needs, and ValueError where the
            arrays are not what they should be.
    """

    name: str
    title: str
    fit: Callable[[FloatArray, IntArray], Rule]


def parse_rule(text: str, task: Task) -> RuleFit:
    """Read the name of a rule.

    - `argmax`: the likeliest class.
    - `prior`: probabilities divided by the class shares.
    - `bacc`: probabilities times class weights tuned for balanced accuracy.
    - `cost`: the least expected cost, where a malignant lesion taken for a benign one costs 10 and
      every other mistake 1; `cost:FILE.csv`: with the costs of a file, see `read_costs`.
    - `sensitivity:MEL=0.95`: melanoma wherever its probability exceeds the threshold that finds
      95 % of the melanomas.

    Raises:
        SkinError: there is no such rule, or what follows its name is wrong.
    """
    word, colon, argument = text.partition(":")
    if word == "cost":
        return _parse_cost(argument, task) if colon else _fixed_cost("cost", built_in_costs(task))
    if word == "sensitivity":
        return _parse_sensitivity(argument, text, task)
    if word not in _PLAIN:
        raise SkinError(f"unknown decision rule '{text}': {did_you_mean(word, RULES)}")
    if colon:
        raise SkinError(f"decision rule '{text}': write '{word}' alone, it takes nothing more")
    return _PLAIN[word]


def fit_argmax(probabilities: FloatArray, targets: IntArray) -> Argmax:
    """Fit nothing."""
    _check(probabilities, targets)
    return Argmax()


def fit_prior(probabilities: FloatArray, targets: IntArray) -> Weights:
    """Weigh each class by 1 / its share of the targets, the mean share being 1 / C.

    The mean recall of a rule d is the mean over the classes k of P(d(x) = k | y = k), that is the
    sum over x of P(x | d(x)) / C. So it is highest where d(x) is the class of the highest
    P(x | k), and by Bayes' rule P(x | k) is proportional to P(k | x) / P(k): for calibrated
    probabilities no rule has a higher mean recall (Menon et al. 2021, arXiv 2007.07314,
    section 3).

    A class without an image has the lowest of the other classes' weights: nothing says how often
    it comes, and balanced accuracy leaves it out.
    """
    _check(probabilities, targets)
    return _normalised(_inverse_shares(targets, probabilities.shape[1]))


def fit_bacc(probabilities: FloatArray, targets: IntArray) -> Weights:
    """Tune weights for balanced accuracy, from those of `fit_prior` on; see `tune_weights`."""
    _check(probabilities, targets)
    start = _inverse_shares(targets, probabilities.shape[1])
    return _normalised(tune_weights(probabilities, targets, start))


def fit_sensitivity(
    probabilities: FloatArray, targets: IntArray, *, code: str, index: int, share: float
) -> Sensitivity:
    """Find the highest threshold that at least a share of a class's images exceed.

    It lies midway between the probability of the last image that is needed and the next lower
    one of any image, or 0.

    Raises:
        SkinError: the class has no image, or too many to which the models give a probability of 0.
    """
    _check(probabilities, targets)
    own = np.sort(probabilities[targets == index, index])[::-1]
    if not len(own):
        raise SkinError(f"no image of {code} to set its sensitivity on; use another decision rule")
    needed = int(np.argmax(np.arange(1, len(own) + 1) / len(own) >= share))
    last = min(own[needed], 1.0)
    if last < _LEAST:
        reached = np.count_nonzero(own >= _LEAST) / len(own)
        raise SkinError(
            f"no threshold finds {share:.2%} of {code}: the models give {1 - reached:.2%} of its "
            "images a probability of 0; ask for less"
        )
    lower = probabilities[:, index][probabilities[:, index] < last]
    following = lower.max(initial=0.0)
    middle = following + (last - following) / 2
    threshold = middle if middle < last else following
    return Sensitivity(index=index, threshold=float(threshold))


_PLAIN: Mapping[str, RuleFit] = {
    "argmax": RuleFit("argmax", "the likeliest class", fit_argmax),
    "prior": RuleFit("prior", "corrected for the class shares", fit_prior),
    "bacc": RuleFit("bacc", "weights tuned for BACC", fit_bacc),
}


def _fixed_cost(name: str, costs: FloatArray) -> RuleFit:
    rule = Cost(costs=tuple(map(tuple, costs.tolist())))

    def fit(probabilities: FloatArray, targets: IntArray) -> Cost:
        _check(probabilities, targets, len(costs))
        return rule

    return RuleFit(name, "least expected cost", fit)


def _parse_cost(file: str, task: Task) -> RuleFit:
    if not file:
        raise SkinError("decision rule 'cost:': name the file of costs, as in 'cost:costs.csv'")
    return _fixed_cost(f"cost:{file}", read_costs(Path(file), task))


def _parse_sensitivity(argument: str, text: str, task: Task) -> RuleFit:
    code, equals, number = argument.partition("=")
    if not code or not equals:
        raise SkinError(
            f"decision rule '{text}': write a class and a share, as in "
            f"'sensitivity:{task.codes[0]}=0.95'"
        )
    if code not in task.codes:
        known = did_you_mean(code, task.codes)
        raise SkinError(f"decision rule '{text}': no class '{code}' in {task.name}: {known}")
    try:
        share = float(number)
    except ValueError:
        share = float("nan")
    if not 0 < share <= 1:
        raise SkinError(f"decision rule '{text}': '{number}' must be above 0 and at most 1")
    index = task.codes.index(code)

    def fit(probabilities: FloatArray, targets: IntArray) -> Sensitivity:
        return fit_sensitivity(probabilities, targets, code=code, index=index, share=share)

    return RuleFit(f"sensitivity:{code}={share!r}", f"finds {100 * share:.6g} % of {code}", fit)


def _inverse_shares(targets: IntArray, classes: int) -> FloatArray:
    counts = np.bincount(targets, minlength=classes)
    return 1 / np.where(counts > 0, counts, counts.max())


def _normalised(weights: FloatArray) -> Weights:
    """Weights whose mean is 1: only ratios matter, and so they are easy to read."""
    return Weights(weights=tuple((weights / weights.mean()).tolist()))


def _check(probabilities: FloatArray, targets: IntArray, classes: int | None = None) -> None:
    check_probabilities(probabilities, classes)
    check_targets(targets, *probabilities.shape)
