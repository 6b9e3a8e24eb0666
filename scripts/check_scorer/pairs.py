"""Pairs of truth and submission: many random ones, and those that a scorer could get wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.isic_metric import RANKED_BY, Metric
from skin.taxonomy import CHALLENGES

SEED = 20180901
RANDOM_PAIRS = 600

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """What both scorers get to see.

    Attributes:
        name: unique.
        challenge: as `isic2018`.
        truth: 0/1 columns and perhaps weights, image ids as the index.
        submission: values, image ids as the index.
        last_digits: whether the figures hang on the last digits of the decimals.
    """

    name: str
    challenge: str
    truth: pd.DataFrame
    submission: pd.DataFrame
    last_digits: bool = False


def all_pairs() -> list[Pair]:
    """The adversarial pairs, then the random ones."""
    return [*adversarial_pairs(), *random_pairs()]


def random_pairs() -> Iterator[Pair]:
    """Random pairs: every combination of challenge, kind of values and kind of weights."""
    rng = np.random.default_rng(SEED)
    for number in range(RANDOM_PAIRS):
        challenge = list(CHALLENGES.values())[number % len(CHALLENGES)]
        turn = number // len(CHALLENGES)
        values_kind = list(VALUES)[turn % len(VALUES)]
        weights_kind = list(WEIGHTS)[turn // len(VALUES) % len(WEIGHTS)]
        images = int(rng.choice([2, 7, 30, 60, 150]))
        ids = [f"ISIC_{35000 + i:07d}" for i in range(images)]
        classes = len(challenge.columns)
        if RANKED_BY[challenge.name] is Metric.BALANCED_ACCURACY:
            labels = np.eye(classes)[rng.integers(classes, size=images)]
        else:
            labels = (rng.random((images, classes)) < 1 / 3).astype(float)
        columns = list(challenge.columns)
        truth = pd.DataFrame(labels, index=ids, columns=columns)
        values = pd.DataFrame(VALUES[values_kind](rng, labels), index=ids, columns=columns)
        yield Pair(
            f"random {number}: {challenge.name}, {values_kind} values, {weights_kind} weights",
            challenge.name,
            truth.assign(**WEIGHTS[weights_kind](rng, images)),
            values.iloc[rng.permutation(images)],
        )


def _softmax(rng: np.random.Generator, labels: Floats) -> Floats:
    odds: Floats = np.exp(rng.normal(size=labels.shape) + 2 * labels)
    values: Floats = odds / (odds.sum(axis=1, keepdims=True) + 1e-9)
    return values


VALUES: Mapping[str, Callable[[np.random.Generator, Floats], Floats]] = {
    "uniform": lambda rng, labels: rng.random(labels.shape),
    "softmax": _softmax,
    "rounded": lambda rng, labels: _softmax(rng, labels).round(1),
    "halves": lambda rng, labels: rng.integers(3, size=labels.shape) / 2,
    "constant": lambda rng, labels: np.broadcast_to(rng.random(labels.shape[1]), labels.shape),
    "truth": lambda _, labels: labels,
}
WEIGHTS: Mapping[str, Callable[[np.random.Generator, int], dict[str, Floats]]] = {
    "no": lambda _rng, _n: {},
    "0/1": lambda rng, n: {
        "score_weight": _some(rng.integers(2, size=n)),
        "validation_weight": _some(rng.integers(2, size=n)),
    },
    "uniform": lambda rng, n: {"score_weight": rng.random(n), "validation_weight": rng.random(n)},
    "score only": lambda rng, n: {"score_weight": rng.exponential(size=n)},
    "validation only": lambda rng, n: {"validation_weight": _some(rng.integers(3, size=n))},
}


def _some(weights: NDArray[np.int64]) -> Floats:
    """Weights of which not all are zero."""
    weights[-1] = 1
    return weights.astype(float)


def adversarial_pairs() -> Iterator[Pair]:
    """Pairs made by hand, of ISIC 2018 unless said."""
    above, below = np.nextafter(0.5, 1), np.nextafter(0.5, 0)
    yield _pair("perfect", "MNBAKDV", np.eye(7))
    yield _pair("all wrong", "MNBAKDV", np.roll(np.eye(7), 1, axis=1))
    yield _pair("all rows tied", "MNBAKDV", np.full((7, 7), 0.5))
    yield _pair("constant columns", "MNBAKDVMM", [[0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01]] * 9)
    yield _pair("all zero", "MNBAKDV", np.zeros((7, 7)))
    yield _pair("all one", "MNBAKDV", np.ones((7, 7)))
    yield _pair("exactly half", "MMNN", [[0.5, 0.25], [0.75, 0.5], [0.5, 0.5], [0.25, 0.5]])
    yield _pair("tie below the maximum", "MN", [[0.6, 0.2, 0.2], [0.1, 0.8, 0.1]])
    yield _pair("tie with the true class", "MNB", [[0.5, 0.5], [0.1, 0.9], [0.3, 0.1, 0.6]])
    yield _pair("one image, right", "M", [[0.9, 0.1]])
    yield _pair("one image, wrong", "M", [[0.1, 0.9]])
    yield _pair("one class only", "NNN", [[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    yield _pair("absent class predicted", "MMN", [[0.1, 0.2, 0.7], [0.9], [0.2, 0.8]])
    eighty = [0.9, 0.8, 0.7, 0.6, 0.2, 0.65, 0.5, 0.3, 0.1, 0.0]
    yield _pair("80 % exactly", "MMMMM-----", [[v] for v in eighty], challenge="isic2020")
    yield _pair("weights", "MNBMNB", np.eye(7)[[0, 1, 2, 1, 0, 2]], score=(1, 2, 3, 0.5, 0.25, 4))
    yield _pair("class of weight 0", "MNBM", np.eye(7)[[0, 1, 0, 1]], score=(1, 1, 0, 1))
    yield _pair("one image of weight", "MNB", np.eye(7)[[0, 0, 2]], score=(0, 1, 0))
    yield _pair("validation on two", "MNMN", np.eye(7)[[0, 1, 1, 0]], validation=(1, 0, 0, 1))
    unsorted = _pair("truth in another order", "MNBM", [[0.6, 0.5], [0.5], [0.1, 0.2], [0.9]])
    yield replace(unsorted, truth=unsorted.truth.iloc[[2, 0, 3, 1]])
    yield _pair("excluded image", "MNMN", np.eye(7)[[0, 1, 0, 0]], first=35068)
    yield _pair("negative zero", "MN", [[-0.0, 0.0], [0.0, -0.0]])
    yield _pair("no or two true classes", "M-N*", np.eye(7)[[0, 1, 1, 0]])
    halves = [[0.9, 0.1], [0.5, 0.5], [0.6, 0.4], [0.7, 0.2]]
    yield _pair("two columns", "M-N*", halves, challenge="isic2017")
    yield _pair("one column", "M--M", [[0.9], [0.5], [0.6], [0.7]], challenge="isic2020")
    yield _pair("one column, none true", "---", [[0.9], [0.5], [0.6]], challenge="isic2020")
    yield _pair("one column, all true", "MMM", [[0.9], [0.5], [0.6]], challenge="isic2020")
    yield _pair("one column, ties at 80 %", "MMMMM---", _TIES, challenge="isic2024")
    yield _pair("unknown class", "MNU", np.eye(9)[[0, 1, 8]], challenge="isic2019")
    neighbours = [[above, 0.5], [below, 0.5], [0.5, above], [0.5, below]]
    yield _pair("neighbours of half", "MMNN", neighbours, last_digits=True)
    yield _pair("least floats", "MN", [[1e-300, 1e-301], [5e-324, 1e-323]], last_digits=True)


_LETTERS = "MNBAKDVSU"
_TIES = [[value] for value in (0.9, 0.9, 0.7, 0.5, 0.5, 0.9, 0.5, 0.1)]


def _pair(
    name: str,
    letters: str,
    values: Sequence[Sequence[float]] | Floats,
    *,
    challenge: str = "isic2018",
    first: int = 0,
    last_digits: bool = False,
    **weights: tuple[float, ...],
) -> Pair:
    """Make a pair: one letter an image for its class, `-` for none, `*` for the first two.

    Rows of values are filled up with zeros; `weights` are `score` and `validation`. Truths with
    weights stay sorted by image id: the official scorer sorts the labels but not the weights, so
    that those of an unsorted truth land on other images.
    """
    columns = list(CHALLENGES[challenge].columns)
    ids = [f"ISIC_{i:07d}" for i in range(first, first + len(letters))]
    truth = pd.DataFrame(0.0, index=ids, columns=columns)
    submission = truth.copy()
    for i, letter in enumerate(letters):
        true = {"-": [], "*": [0, 1]}.get(letter, [_LETTERS.find(letter) % len(columns)])
        truth.iloc[i, true] = 1.0
        submission.iloc[i, : len(values[i])] = values[i]
    named = {f"{kind}_weight": np.array(weight, float) for kind, weight in weights.items()}
    return Pair(name, challenge, truth.assign(**named), submission, last_digits)
