"""Nested cross-validation: nothing that was fitted is judged on what it was fitted on.

The outer parts are the folds of the runs. For each part, combiner, calibration and decision rule
are fitted on the other parts alone, and judged on it; the calibration and the rule are fitted on
predictions of combiners that were, in turn, fitted without the part that they predict (inner
parts). The best method is chosen on the inner parts, too, where it is to be chosen.

One thing stays as it is with every stacking of out-of-fold predictions: the models that predict the
other parts were trained on the outer part's lesions. They never see those predictions' own lesions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from skin.analysis.metrics import (
    FloatArray,
    IntArray,
    balanced_accuracy,
    confusion_matrix,
    decide,
)
from skin.ensembling.combine import Combiner, Mean, Method
from skin.ensembling.oof import OutOfFold
from skin.ensembling.pipeline import DecisionPlan
from skin.errors import SkinError, name_some

_LEAST_PARTS = 3  # one to judge on, and two that can leave each other out
_MOST_PARTS = 5


@dataclass(frozen=True, eq=False)
class Combined:
    """One method's combined log-probabilities.

    Attributes:
        name: of the method or of the run.
        combiner: fitted on everything.
        in_sample: (N, C) by that combiner: too good, if it has learned from the targets.
        outer: (N, C) by combiners fitted without the image's part.
        inner: for each part k, predictions of the images outside k by combiners fitted without
            k and without the image's own part.
    """

    name: str
    combiner: Combiner
    in_sample: FloatArray
    outer: FloatArray
    inner: Mapping[int, FloatArray]


@dataclass(frozen=True, eq=False)
class Judged:
    """What came out for images that nothing was fitted on.

    Attributes:
        probabilities: (N, C), calibrated.
        scores: (N, C) with the decision rule; their argmax is the decision.
        sets: (N, C), the classes in each image's conformal set.
        referred: (N,), whether the image would be referred.
        in_sample: (N, C) scores where everything is fitted on all images.
    """

    probabilities: FloatArray
    scores: FloatArray
    sets: NDArray[np.bool_]
    referred: NDArray[np.bool_]
    in_sample: FloatArray


def with_parts(oof: OutOfFold, *, leaking: bool = False, seed: int = 0) -> OutOfFold:
    """Give predictions outer parts that share no lesion: the runs' folds where they serve.

    Fewer than three folds, as of a holdout, or folds that split lesions are replaced by up to five
    stratified parts that keep lesions whole.

    Raises:
        SkinError: folds that are said not to leak share a lesion, or there are too few lesions.
    """
    first = dict(zip(oof.lesions.tolist(), oof.parts.tolist(), strict=True))
    shared = {
        lesion
        for lesion, part in zip(oof.lesions.tolist(), oof.parts.tolist(), strict=True)
        if first[lesion] != part
    }
    if shared and not leaking:
        raise SkinError(
            f"{name_some(oof.names)}: the folds share lesions ({name_some(sorted(shared))}), "
            "though they are recorded as not leaking; train anew on folds of `skin data folds`"
        )
    if not shared and len(np.unique(oof.parts)) >= _LEAST_PARTS:
        return oof
    fewest = min(len(np.unique(oof.lesions[oof.targets == i])) for i in np.unique(oof.targets))
    number = min(max(fewest, _LEAST_PARTS), _MOST_PARTS)
    _require_images(oof, number)
    splitter = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    parts = np.empty(len(oof), np.int64)
    with warnings.catch_warnings():
        # A class of fewer lesions than parts is missing in some, which the scores allow for.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        for part, (_, held) in enumerate(splitter.split(parts, oof.targets, oof.lesions)):
            parts[held] = part
    return replace(oof, parts=parts)


def _require_images(oof: OutOfFold, parts: int) -> None:
    """Refuse what cannot be parted: too few lesions, or too few images of every class."""
    lesions = len(np.unique(oof.lesions))
    if lesions < parts or np.bincount(oof.targets).max() < parts:
        raise SkinError(
            f"{name_some(oof.names)}: {lesions} held-out lesions are too few to fit anything on "
            "some and judge it on others; train more folds"
        )


def combine_nested(
    oof: OutOfFold, method: Method, on_fit: Callable[[], None] = lambda: None
) -> Combined:
    """Fit a method on everything, and without each part in turn, and once more within.

    Args:
        oof: with parts that share no lesion.
        method: the way to combine.
        on_fit: told after each fit.
    """
    combiner = method.fit(oof)
    on_fit()
    in_sample = combiner.combine(oof.log_probabilities, oof.metadata)
    numbers = _numbers(oof.parts)
    if not method.fitted:
        inner = {number: in_sample[oof.parts != number] for number in numbers}
        return Combined(method.name, combiner, in_sample, in_sample, inner)
    outer = _leave_out(oof, method, on_fit)
    inner = {
        number: _leave_out(oof.take(oof.parts != number), method, on_fit) for number in numbers
    }
    return Combined(method.name, combiner, in_sample, outer, inner)


def fits_of(method: Method, parts: int) -> int:
    """How many fits `combine_nested` makes."""
    return 1 + parts + parts * (parts - 1) if method.fitted else 1


def alone(oof: OutOfFold, run: int) -> Combined:
    """One run as it is."""
    combiner = Mean.equal(1)
    values = combiner.combine(oof.log_probabilities[[run]])
    inner = {number: values[oof.parts != number] for number in _numbers(oof.parts)}
    return Combined(oof.names[run], combiner, values, values, inner)


def best_run(oof: OutOfFold, plan: DecisionPlan) -> int:
    """The place of the run with the highest BACC."""
    values = [
        bacc(judge(alone(oof, run), oof, plan).scores, oof.targets) for run in range(len(oof.names))
    ]
    return int(np.argmax(values))


def choose(
    name: str, candidates: Sequence[Combined], oof: OutOfFold, plan: DecisionPlan
) -> tuple[Combined, Combined]:
    """Choose the best candidate: for each part on the other parts, and once on all.

    Returns:
        The choosing itself, as one more way to combine, and the candidate chosen on all parts.
    """
    outer = np.empty_like(candidates[0].outer)
    inner = {}
    for number in _numbers(oof.parts):
        held = oof.parts == number
        rest = oof.take(~held)
        values = [
            _bacc_left_out(one.inner[number], rest.targets, rest.parts, plan) for one in candidates
        ]
        best = candidates[int(np.argmax(values))]
        outer[held] = best.outer[held]
        inner[number] = best.inner[number]
    values = [_bacc_left_out(one.outer, oof.targets, oof.parts, plan) for one in candidates]
    chosen = candidates[int(np.argmax(values))]
    return Combined(name, chosen.combiner, chosen.in_sample, outer, inner), chosen


def judge(combined: Combined, oof: OutOfFold, plan: DecisionPlan) -> Judged:
    """Fit calibration and rule without each part in turn, and apply them to it."""
    shape = combined.outer.shape
    probabilities, scores = np.empty(shape), np.empty(shape)
    sets, referred = np.ones(shape, bool), np.zeros(shape[0], bool)
    for number in _numbers(oof.parts):
        held = oof.parts == number
        decision = plan.fit(combined.inner[number], oof.targets[~held], oof.parts[~held])
        given = decision.calibrate(combined.outer[held])
        probabilities[held] = given
        scores[held] = decision.scores(given)
        sets[held] = decision.sets(given)
        referred[held] = decision.refers(given)
    whole = plan.fit(combined.in_sample, oof.targets)
    in_sample = whole.scores(whole.calibrate(combined.in_sample))
    return Judged(probabilities, scores, sets, referred, in_sample)


def bacc(scores: FloatArray, targets: IntArray) -> float:
    """Balanced accuracy of the argmax, a tie counted as wrong."""
    classes = scores.shape[1]
    return float(balanced_accuracy(confusion_matrix(targets, decide(scores), classes)))


def _leave_out(oof: OutOfFold, method: Method, on_fit: Callable[[], None]) -> FloatArray:
    """Predict each part by a combiner that was fitted on the others: (N, C)."""
    combined = np.empty(oof.log_probabilities.shape[1:])
    for number in _numbers(oof.parts):
        held = oof.parts == number
        judged = oof.take(held)
        combiner = method.fit(oof.take(~held))
        combined[held] = combiner.combine(judged.log_probabilities, judged.metadata)
        on_fit()
    return combined


def _bacc_left_out(
    combined: FloatArray, targets: IntArray, parts: IntArray, plan: DecisionPlan
) -> float:
    """BACC with calibration and rule fitted without each part in turn."""
    scores = np.empty_like(combined)
    for number in _numbers(parts):
        held = parts == number
        decision = plan.fit(combined[~held], targets[~held])
        scores[held] = decision.scores(decision.calibrate(combined[held]))
    return bacc(scores, targets)


def _numbers(parts: IntArray) -> list[int]:
    numbers: list[int] = np.unique(parts).tolist()
    return numbers
