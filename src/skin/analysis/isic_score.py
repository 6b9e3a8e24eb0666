"""The figures of the ISIC challenges' official scorer, isic-challenge-scoring.

It is that of ISIC 2018 and 2019; 2017 and 2020 were ranked by figures that it has too, and 2024 by
the partial AUC, which it lacks. Its rules are not those of this project's own reports: the figures
of one class compare its probability with 0.5 instead of taking the argmax, and an undefined ratio
counts as 1.0. `scripts/check-scorer` compares every figure with the real scorer's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from skin.analysis import isic_areas
from skin.analysis.isic_areas import Bools, Floats
from skin.analysis.isic_metric import RANKED_BY, Metric
from skin.analysis.isic_truth import Truth, read_truth
from skin.errors import SkinError, name_some
from skin.inference.submission import read_submission
from skin.taxonomy import Challenge


@dataclass(frozen=True)
class IsicScore:
    """What the official scorer says of a submission; NaN where a figure is undefined.

    Attributes:
        metric: which figure `overall` and `validation` are.
        overall: the figure that ranks, over all images by their score weight.
        validation: the same figure, by their validation weight.
        balanced_accuracy: mean recall, by argmax, over the classes that the truth has. Of a
            challenge with one column it is always 1 and says nothing.
        per_class: (C, 9), a row a class: accuracy, sensitivity, specificity, dice, ppv, npv (at
            above 0.5), auc, auc_sens_80 and ap (average precision); and pauc where it ranks.
        macro: (9,), their means over the classes, each over those where it is defined.
        tied: ids of the images (of some weight) whose maximum stands in several columns; the
            balanced accuracy counts them as wrong.
    """

    metric: Metric
    overall: float
    validation: float
    balanced_accuracy: float
    per_class: pd.DataFrame
    macro: pd.Series[float]
    tied: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """The figures in the official scorer's JSON layout, with None for NaN."""
        macro = {figure: _or_none(value) for figure, value in self.macro.items()}
        per_category = {
            figure: {code: _or_none(value) for code, value in column.items()}
            for figure, column in self.per_class.items()
        }
        return {
            "overall": _or_none(self.overall),
            "validation": _or_none(self.validation),
            "per_category": per_category,
            "macro_average": macro,
            "aggregate": {"balanced_accuracy": _or_none(self.balanced_accuracy)},
        }


def score_files(
    submission: Path, truth: Path, challenge: Challenge, metric: Metric | None = None
) -> IsicScore:
    """Score a submission's file against a truth's.

    Args:
        submission: the CSV to score.
        truth: the CSV of labels and weights.
        challenge: says the columns, and the metric where none is given.
        metric: what to rank by.

    Raises:
        SkinError: a file is wrong, or they are not of the same images.
    """
    labels = read_truth(truth, challenge)
    values = read_submission(submission, challenge)
    _check_images(values.index, labels.labels.index, submission)
    return score(values, labels, metric or RANKED_BY[challenge.name])


def score(values: pd.DataFrame, truth: Truth, metric: Metric) -> IsicScore:
    """Score values (N, C), with the truth's images as the index in any order."""
    # Rounding in cumulated weights depends on the order of rows, so it has to be the truth's.
    predicted = values.loc[truth.labels.index, truth.labels.columns].to_numpy(np.float64)
    actual = truth.labels.to_numpy(np.bool_)
    ordered = _OFFICIAL if metric is not Metric.PARTIAL_AUC else (*_OFFICIAL, metric)
    figures = _counted_figures(actual, predicted, truth.score_weight) | {
        name: _by_class(name, actual, predicted, truth.score_weight) for name in ordered
    }
    per_class = pd.DataFrame(figures, index=truth.labels.columns)
    macro = per_class.mean()
    balanced = balanced_accuracy(actual, predicted, truth.score_weight)
    if metric is Metric.BALANCED_ACCURACY:
        overall = balanced
        validation = balanced_accuracy(actual, predicted, truth.validation_weight)
    else:
        overall = float(macro[metric])
        validation = _mean(_by_class(metric, actual, predicted, truth.validation_weight))
    tied = np.flatnonzero((truth.score_weight > 0) & ~_sole_maximum(predicted).any(axis=1))
    return IsicScore(
        metric=metric,
        overall=overall,
        validation=validation,
        balanced_accuracy=balanced,
        per_class=per_class,
        macro=macro,
        tied=tuple(truth.labels.index[tied]),
    )


def balanced_accuracy(actual: Bools, predicted: Floats, weight: Floats) -> float:
    """Mean recall over the classes with a true image of some weight, by argmax.

    A predicted row with an exact tie for its maximum is wrong. A true row without exactly one
    class is left out.

    Args:
        actual: (N, C).
        predicted: (N, C).
        weight: (N,), at least 0.

    Returns:
        NaN where no class has a true image.
    """
    true = _sole_maximum(actual)
    hits = weight @ (true & _sole_maximum(predicted))
    return _mean(_ratio(hits, weight @ true, undefined=np.nan))


def _counted_figures(actual: Bools, predicted: Floats, weight: Floats) -> dict[str, Floats]:
    """Figures of the weighted counts at above 0.5, each of shape (C,)."""
    called = predicted > 0.5  # noqa: PLR2004 - the official threshold
    tp, fn = weight @ (actual & called), weight @ (actual & ~called)
    fp, tn = weight @ (~actual & called), weight @ (~actual & ~called)
    return {
        "accuracy": _ratio(tp + tn, tp + tn + fp + fn),
        "sensitivity": _ratio(tp, tp + fn),
        "specificity": _ratio(tn, tn + fp),
        "dice": _ratio(2 * tp, 2 * tp + fp + fn),
        "ppv": _ratio(tp, tp + fp),
        "npv": _ratio(tn, tn + fn),
    }


def _by_class(figure: str, actual: Bools, predicted: Floats, weight: Floats) -> Floats:
    """One of the figures that hang on the order of the values, for each class: (C,)."""
    compute = _BY_ORDER[figure]
    counts = weight != 0
    actual, predicted, weight = actual[counts], predicted[counts], weight[counts]
    pairs = zip(actual.T, predicted.T, strict=True)
    return np.array([compute(true, values, weight) for true, values in pairs])


_BY_ORDER: Mapping[str, Callable[[Bools, Floats, Floats], float]] = {
    "auc": isic_areas.auc,
    "auc_sens_80": isic_areas.auc_from_sensitivity,
    "ap": isic_areas.average_precision,
    Metric.PARTIAL_AUC: isic_areas.partial_auc,
}
_OFFICIAL = ("auc", "auc_sens_80", "ap")


def _sole_maximum(values: Bools | Floats) -> Bools:
    """Mark each row's maximum; a row whose maximum stands in several columns has no mark."""
    is_maximum = values == values.max(axis=1, keepdims=True)
    marks: Bools = is_maximum & (is_maximum.sum(axis=1, keepdims=True) == 1)
    return marks


def _ratio(numerator: Floats, denominator: Floats, undefined: float = 1.0) -> Floats:
    default = np.full_like(denominator, undefined)
    return np.divide(numerator, denominator, out=default, where=denominator != 0)


def _mean(values: Floats) -> float:
    """The mean of those that are not NaN; NaN if none is."""
    return float(pd.Series(values).mean())


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _check_images(submitted: pd.Index, expected: pd.Index, source: Path) -> None:
    missing = expected.difference(submitted)
    if not missing.empty:
        raise SkinError(
            f"{source}: {len(missing)} of the truth's images have no row: {name_some(missing)}"
        )
    extra = submitted.difference(expected)
    if not extra.empty:
        raise SkinError(
            f"{source}: {len(extra)} images are not in the truth: {name_some(extra)}; "
            "take their rows out"
        )
