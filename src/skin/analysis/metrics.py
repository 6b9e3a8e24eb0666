"""Scores of class probabilities against the truth.

A class is decided by plain argmax, of the probabilities or of the scores that a decision rule makes
of them, and an exact tie for the maximum counts as wrong, as in the official ISIC scorer: tied rows
land in a last column, "undecided", of the confusion matrix. Areas under the ROC curve are of the
probabilities, whatever the rule. Scores that follow from counts alone take confusion matrices of
any leading shape, so that one formula serves a single matrix and thousands of resampled ones.
Precision, recall, specificity and F1 of a class follow from these decisions, one class against the
rest, not from a threshold of its own as in the official scorer's figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from skin.taxonomy import Task

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TIED = "tied"
"""What an image is called that is decided for no class."""


@dataclass(frozen=True, eq=False)
class Scores:
    """What a set of predictions is worth. A score that is undefined on the data is NaN.

    Attributes:
        accuracy: the share of images decided right.
        bacc: balanced multiclass accuracy, the mean recall over the classes that occur.
        macro_precision: the mean precision over the classes that occur.
        macro_specificity: the mean specificity over the classes that occur.
        macro_f1: the mean F1 over the classes that occur.
        macro_auc: the mean one-vs-rest area under the ROC curve over the classes that occur.
        malignant_auc: the same area for malignant against benign; an image's score is the sum of
            its malignant classes' probabilities.
        precision: for each class in task order, as are the next four.
        recall: also called sensitivity; NaN for a class that does not occur.
        specificity: the share of the other classes' images that are not decided for the class.
        f1: the harmonic mean of precision and recall.
        auc: one-vs-rest area under the ROC curve.
        confusion: (C, C + 1) counts: true class by decided class, the last column undecided.
    """

    accuracy: float
    bacc: float
    macro_precision: float
    macro_specificity: float
    macro_f1: float
    macro_auc: float
    malignant_auc: float
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    specificity: tuple[float, ...]
    f1: tuple[float, ...]
    auc: tuple[float, ...]
    confusion: IntArray

    @property
    def support(self) -> tuple[int, ...]:
        """How many images each class has."""
        return tuple(self.confusion.sum(axis=1).tolist())


def score(
    targets: IntArray, probabilities: FloatArray, task: Task, scores: FloatArray | None = None
) -> Scores:
    """Score predictions.

    Args:
        targets: (N,) true class indices.
        probabilities: (N, C), in task order; rows need not sum to one. AUCs are of these.
        task: names the classes and says which are malignant.
        scores: (N, C), whose argmax is the decision, as a rule makes them; the probabilities if
            not given. All but the AUCs follow from these.

    Raises:
        ValueError: the shapes do not match the task, or a value is out of range.
    """
    if scores is None:
        scores = probabilities
    check(targets, probabilities, task)
    check(targets, scores, task, "scores")
    confusion = confusion_matrix(targets, decide(scores), len(task))
    areas = [auc(targets == i, probabilities[:, i]) for i in range(len(task))]
    return Scores(
        accuracy=float(accuracy(confusion)),
        bacc=float(balanced_accuracy(confusion)),
        macro_precision=float(macro(precision, confusion)),
        macro_specificity=float(macro(specificity, confusion)),
        macro_f1=float(macro_f1(confusion)),
        macro_auc=float(mean_defined(np.array(areas))),
        malignant_auc=auc(*malignancy(targets, probabilities, task)),
        precision=tuple(precision(confusion).tolist()),
        recall=tuple(recall(confusion).tolist()),
        specificity=tuple(specificity(confusion).tolist()),
        f1=tuple(f1(confusion).tolist()),
        auc=tuple(areas),
        confusion=confusion,
    )


def check(targets: IntArray, values: FloatArray, task: Task, what: str = "probabilities") -> None:
    """Raise ValueError unless there is a row of finite numbers for each known target."""
    if values.shape != (len(targets), len(task)) or not len(targets):
        raise ValueError(
            f"expected {what} ({len(targets)}, {len(task)}) for {len(targets)} > 0 targets "
            f"of {task.name}, got {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"{what} must be finite")
    if targets.min() < 0 or targets.max() >= len(task):
        raise ValueError(f"targets must be class indices 0 to {len(task) - 1}")


def decide(scores: FloatArray) -> IntArray:
    """Decide by argmax: (N, C) to (N,) class indices; C, undecided, where the maximum is tied."""
    highest = scores.max(axis=1, keepdims=True)
    tied = np.count_nonzero(scores == highest, axis=1) > 1
    decisions: IntArray = scores.argmax(axis=1)
    decisions[tied] = scores.shape[1]
    return decisions


def confusion_matrix(targets: IntArray, decisions: IntArray, classes: int) -> IntArray:
    """Count true class by decided class: (C, C + 1), the last column undecided."""
    cells = np.bincount(targets * (classes + 1) + decisions, minlength=classes * (classes + 1))
    return cells.reshape(classes, classes + 1).astype(np.int64)


def accuracy(confusion: NDArray[np.number]) -> FloatArray:
    """Share decided right: (..., C, C + 1) to (...)."""
    return ratio(_hits(confusion).sum(axis=-1), confusion.sum(axis=(-2, -1)))


def recall(confusion: NDArray[np.number]) -> FloatArray:
    """Share of each true class decided right: (..., C, C + 1) to (..., C); NaN if it is absent."""
    return ratio(_hits(confusion), confusion.sum(axis=-1))


def balanced_accuracy(confusion: NDArray[np.number]) -> FloatArray:
    """Mean recall over the classes that occur: (..., C, C + 1) to (...)."""
    return mean_defined(recall(confusion))


def precision(confusion: NDArray[np.number]) -> FloatArray:
    """Share of each class's decisions that are right: (..., C, C + 1) to (..., C).

    A class that occurs but is never decided has 0, as scikit-learn has it; NaN if it is neither.
    """
    decided = confusion.sum(axis=-2)[..., :-1]
    missed = (decided == 0) & (confusion.sum(axis=-1) > 0)
    return np.where(missed, 0.0, ratio(_hits(confusion), decided))


def specificity(confusion: NDArray[np.number]) -> FloatArray:
    """Share of the other classes' images not decided for each class: (..., C, C + 1) to (..., C).

    An undecided image is decided for no class. NaN if there is no other class.
    """
    others = confusion.sum(axis=(-2, -1))[..., None] - confusion.sum(axis=-1)
    taken = confusion.sum(axis=-2)[..., :-1] - _hits(confusion)
    return ratio(others - taken, others)


def f1(confusion: NDArray[np.number]) -> FloatArray:
    """F1 of each class: (..., C, C + 1) to (..., C); NaN if it neither occurs nor is decided."""
    true, decided = confusion.sum(axis=-1), confusion.sum(axis=-2)[..., :-1]
    return ratio(2 * _hits(confusion), true + decided)


def macro(
    of_class: Callable[[NDArray[np.number]], FloatArray], confusion: NDArray[np.number]
) -> FloatArray:
    """Mean of a class's score over the classes that occur: (..., C, C + 1) to (...)."""
    occurs = confusion.sum(axis=-1) > 0
    return mean_defined(np.where(occurs, of_class(confusion), np.nan))


def macro_f1(confusion: NDArray[np.number]) -> FloatArray:
    """Mean F1 over the classes that occur: (..., C, C + 1) to (...)."""
    return macro(f1, confusion)


def auc(positive: NDArray[np.bool_], scores: FloatArray) -> float:
    """Area under the ROC curve; NaN unless there are both positives and negatives."""
    if positive.all() or not positive.any():
        return float("nan")
    return float(roc_auc_score(positive, scores))


def malignancy(
    targets: IntArray, probabilities: FloatArray, task: Task
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Each image's truth and score for malignant against benign, both (N,)."""
    malignant = np.isin(task.codes, task.malignant)
    return malignant[targets], probabilities[:, malignant].sum(axis=1)


def mean_defined(values: FloatArray) -> FloatArray:
    """Mean over the last axis without its NaNs; NaN where nothing is left."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1))


def _hits(confusion: NDArray[np.number]) -> NDArray[np.number]:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def ratio(part: NDArray[np.number], whole: NDArray[np.number]) -> FloatArray:
    """Divide, broadcasting; NaN where the whole is 0."""
    share = np.full(np.broadcast_shapes(np.shape(part), np.shape(whole)), np.nan)
    np.divide(part, whole, out=share, where=np.asarray(whole) > 0)
    return share
