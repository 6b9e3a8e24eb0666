"""How far probabilities can be taken at their word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skin.analysis.checks import check_probabilities, check_targets
from skin.analysis.metrics import FloatArray, IntArray, decide
from skin.taxonomy import Task

_LEAST = float(np.finfo(np.float64).eps)  # what scikit-learn's log loss takes a probability of 0 as


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability diagram: bins of equal width over [0, 1], the lowest first.

    A bin holds the images whose highest probability lies above its lower edge and not above its
    upper one.

    Attributes:
        confidence: (bins,) the mean highest probability; NaN where a bin is empty.
        accuracy: (bins,) the share decided right; NaN where a bin is empty.
        count: (bins,) images.
    """

    confidence: FloatArray
    accuracy: FloatArray
    count: IntArray

    @property
    def ece(self) -> float:
        """The gap between confidence and accuracy, averaged over images."""
        filled = self.count > 0
        gaps = np.abs(self.confidence - self.accuracy)[filled]
        return float(np.average(gaps, weights=self.count[filled]))


@dataclass(frozen=True, eq=False)
class Calibration:
    """How well probabilities are calibrated; all figures are the better the lower.

    Attributes:
        log_loss: the mean of -log(probability of the true class), in nats; a probability of 0
            counts as 2.2e-16.
        brier: the sum over the classes of the squared difference between probability and truth (0
            or 1), averaged over images: 0 to 2 (Brier 1950).
        ece: expected calibration error of the decided class (Guo et al. 2017, arXiv 1706.04599,
            equation 3).
        class_ece: the mean of `class_eces` (Kull et al. 2019, arXiv 1910.12656, equation 3; the
            "static calibration error" of Nixon et al. 2019, arXiv 1904.01685).
        class_eces: for each class in task order, the calibration error of its probability over
            all images, against whether an image is of the class.
        reliability: the bins that `ece` sums up.
    """

    log_loss: float
    brier: float
    ece: float
    class_ece: float
    class_eces: tuple[float, ...]
    reliability: Reliability


def measure(
    targets: IntArray, probabilities: FloatArray, task: Task, bins: int = 15
) -> Calibration:
    """Measure calibration.

    Args:
        targets: (N,) true class indices.
        probabilities: (N, C), in task order; rows sum to 1.
        task: names the classes.
        bins: of equal width, for `ece` and `class_ece`. More bins, or fewer images, make both
            larger for chance alone.

    Raises:
        ValueError: the shapes do not match the task, or a row is no distribution.
    """
    check_probabilities(probabilities, len(task))
    check_targets(targets, len(probabilities), len(task))
    truth = np.eye(len(task))[targets]
    of_truth = probabilities[np.arange(len(targets)), targets]
    right = decide(probabilities) == targets
    reliability = _reliability(probabilities.max(axis=1), right, bins)
    class_eces = tuple(
        _reliability(probabilities[:, k], targets == k, bins).ece for k in range(len(task))
    )
    return Calibration(
        log_loss=float(-np.log(np.clip(of_truth, _LEAST, 1)).mean()),
        brier=float(((probabilities - truth) ** 2).sum(axis=1).mean()),
        ece=reliability.ece,
        class_ece=float(np.mean(class_eces)),
        class_eces=class_eces,
        reliability=reliability,
    )


def _reliability(claimed: FloatArray, happened: NDArray[np.bool_], bins: int) -> Reliability:
    """Bin claimed probabilities (N,) and compare them with what happened (N,)."""
    edges = np.linspace(0, 1, bins + 1)
    held = np.searchsorted(edges[1:-1], claimed, side="left")
    count = np.bincount(held, minlength=bins)
    sums = [np.bincount(held, values, minlength=bins) for values in (claimed, happened)]
    nothing = np.full(bins, np.nan)
    confidence, accuracy = (
        np.divide(total, count, out=nothing.copy(), where=count > 0) for total in sums
    )
    return Reliability(confidence, accuracy, count.astype(np.int64))
