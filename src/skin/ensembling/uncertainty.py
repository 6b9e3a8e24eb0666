"""How sure a prediction is, and what to do with those that are not."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import entr, logsumexp

from skin.analysis.checks import (
    check_log_probabilities,
    check_probabilities,
    check_targets,
)
from skin.analysis.metrics import FloatArray, IntArray, decide

_POINTS = 200  # of a risk-coverage curve, at most
_ROUNDING = 1e-9  # so that 0.9 * 10 images are 9, not a rounding error more

Bools = NDArray[np.bool_]


class _Fitted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def entropy(probabilities: FloatArray) -> FloatArray:
    """The entropy of each row (N, C) in nats: (N,), 0 to log C; ValueError if one is no row."""
    check_probabilities(probabilities)
    nats: FloatArray = entr(probabilities.clip(0, 1)).sum(axis=1)
    return nats


def mutual_information(log_probabilities: FloatArray) -> FloatArray:
    """How much the members disagree: (R, N, C) to (N,) nats, from 0 to log C.

    The entropy of the members' mean minus the mean of their entropies, the members weighted
    equally (Houlsby et al. 2011, arXiv 1112.5745, equation 2; Lakshminarayanan et al. 2017 take
    the ensemble's members for the posterior's samples, arXiv 1612.01474). It is 0 where all say
    the same, however unsure they are, and for a single member.

    Raises:
        ValueError: there is no member, or a row is no distribution.
    """
    if log_probabilities.ndim != 3 or not len(log_probabilities):  # noqa: PLR2004 - members, images, classes
        raise ValueError(f"expected an array (R > 0, N, C), got {log_probabilities.shape}")
    for member in log_probabilities:
        check_log_probabilities(member)
    members = len(log_probabilities)
    mean = np.exp(logsumexp(log_probabilities, axis=0) - np.log(members))
    own = np.mean([entropy(np.exp(member)) for member in log_probabilities], axis=0)
    information: FloatArray = (entropy(mean) - own).clip(0)  # rounding can fall below
    return information


class ConformalSets(_Fitted):
    """Sets of classes that hold the true one as often as was asked, for each class.

    Class-conditional ("Mondrian") split conformal prediction on the score 1 - p_y: Vovk 2012
    ("Conditional validity of inductive conformal predictors", ACML); Angelopoulos and Bates 2021,
    arXiv 2107.07511, section 4.2. A class is in an image's set if the score that the image would
    have as one of that class is not above the class's threshold. A set can be empty, for an image
    that is like none of the classes, or hold all.

    The coverage is exact where images of a class are exchangeable. Several images of one lesion
    are not: they err together. The expected coverage of a new lesion is still about the asked one,
    but the data hold fewer independent cases than images, so that what comes out on other data
    varies more than the number of images suggests. Nor does anything hold for images of another
    source than those fitted on.

    Attributes:
        coverage: that was asked for, as 0.9.
        thresholds: one a class; 1 where the class is in every set.
    """

    coverage: Annotated[float, Field(gt=0, lt=1)]
    thresholds: tuple[Annotated[float, Field(ge=0, le=1)], ...]

    def sets(self, probabilities: FloatArray) -> Bools:
        """Give each image's set, as a mask: (N, C) to (N, C).

        Raises:
            ValueError: a row is no distribution over these classes.
        """
        check_probabilities(probabilities, len(self.thresholds))
        inside: Bools = _nonconformity(probabilities) <= np.array(self.thresholds)
        return inside


def fit_conformal(
    probabilities: FloatArray, targets: IntArray, classes: int, coverage: float = 0.9
) -> ConformalSets:
    """Find each class's threshold: the ceil((n + 1) coverage)-th least of its n images' scores.

    Where a class has fewer images than that, as fewer than 9 for a coverage of 0.9, no threshold
    can promise the coverage, and the class is in every set.

    Args:
        probabilities: (N, C), calibrated or not, of models that did not see the targets.
        targets: (N,) class indices.
        classes: C.
        coverage: of each class, between 0 and 1.

    Raises:
        ValueError: the shapes do not match, a row is no distribution, or the coverage is no share.
    """
    check_probabilities(probabilities, classes)
    check_targets(targets, *probabilities.shape)
    scores = _nonconformity(probabilities)
    thresholds = [_threshold(scores[targets == k, k], coverage) for k in range(classes)]
    return ConformalSets(coverage=coverage, thresholds=tuple(thresholds))


def class_coverage(sets: Bools, targets: IntArray, classes: int) -> FloatArray:
    """The share of each class's images whose set (N, C) holds it: (C,); NaN for no image."""
    if sets.shape != (len(targets), classes):
        raise ValueError(f"expected sets ({len(targets)}, {classes}), got {sets.shape}")
    check_targets(targets, *sets.shape)
    held = np.bincount(targets, sets[np.arange(len(targets)), targets], minlength=classes)
    count = np.bincount(targets, minlength=classes)
    coverage = np.full(classes, np.nan)
    np.divide(held, count, out=coverage, where=count > 0)
    return coverage


def risk_coverage(uncertainty: FloatArray, wrong: Bools) -> tuple[FloatArray, FloatArray]:
    """The share of wrong decisions among the surest images, for each share of images kept.

    Images of equal uncertainty are kept in no order: each counts as wrong by their common share.

    Args:
        uncertainty: (N,), of any scale.
        wrong: (N,), whether the decision was.

    Returns:
        The coverage, ascending up to 1, and the risk at it; at most 200 points of each.

    Raises:
        ValueError: the shapes do not match, there is no image, or an uncertainty is not finite.
    """
    risk = _risks(uncertainty, wrong)
    points = np.unique(np.linspace(0, len(risk) - 1, _POINTS).round().astype(np.int64))
    return (points + 1) / len(risk), risk[points]


def area(uncertainty: FloatArray, wrong: Bools) -> float:
    """The area under the risk-coverage curve: the mean risk over every number of images kept.

    AURC of Geifman and El-Yaniv 2017, arXiv 1705.08500, and Geifman et al. 2019, arXiv
    1805.08206. It is not less than 0, and about the share of wrong decisions if the uncertainty
    says nothing. Arguments and errors are those of `risk_coverage`.
    """
    return float(_risks(uncertainty, wrong).mean())


def decision_uncertainty(probabilities: FloatArray, scores: FloatArray) -> FloatArray:
    """How likely a decision is wrong: 1 minus the probability of the decided class, (N,).

    A decision rule may decide for a class that is not the likeliest. An image whose highest score
    is tied is decided for no class, and has 1.

    Args:
        probabilities: (N, C), calibrated.
        scores: (N, C), whose argmax is the decision.

    Raises:
        ValueError: the shapes differ, or a row of `probabilities` is no distribution.
    """
    check_probabilities(probabilities)
    if scores.shape != probabilities.shape or not np.isfinite(scores).all():
        raise ValueError(f"expected finite scores {probabilities.shape}, got {scores.shape}")
    undecided = np.zeros((len(scores), 1))
    decided = np.take_along_axis(
        np.hstack([probabilities, undecided]), decide(scores)[:, None], axis=1
    )
    return (1 - decided[:, 0]).clip(0, 1)


class Referral(_Fitted):
    """Which cases are too unsure to be decided by a machine.

    Attributes:
        share: of the cases, that were to be referred.
        threshold: the uncertainty above which a case is.
    """

    share: Annotated[float, Field(ge=0, lt=1)]
    threshold: float

    def refer(self, uncertainty: FloatArray) -> Bools:
        """Say which cases (N,) to refer; ValueError if an uncertainty is not finite."""
        _check_uncertainty(uncertainty)
        return uncertainty > self.threshold


def fit_referral(uncertainty: FloatArray, share: float) -> Referral:
    """Find the threshold above which that share of the cases (N,) lies.

    Of equally unsure cases at the threshold none is referred, so that it may be fewer. For a share
    of 0 only cases less sure than every one of these are referred.

    Raises:
        ValueError: there is no case, an uncertainty is not finite, or the share is not in [0, 1).
    """
    _check_uncertainty(uncertainty)
    if not len(uncertainty) or not 0 <= share < 1:
        raise ValueError(f"cannot refer a share of {share} of {len(uncertainty)} cases")
    referred = int(share * len(uncertainty) + _ROUNDING)
    threshold = np.sort(uncertainty)[len(uncertainty) - 1 - referred]
    return Referral(share=share, threshold=float(threshold))


def _nonconformity(probabilities: FloatArray) -> FloatArray:
    """How unlike each class an image is, from 0 to 1."""
    return (1 - probabilities).clip(0, 1)


def _threshold(scores: FloatArray, coverage: float) -> float:
    """The quantile of a class's scores (n,) that promises the coverage."""
    rank = int(np.ceil((len(scores) + 1) * coverage - _ROUNDING))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else 1.0


def _risks(uncertainty: FloatArray, wrong: Bools) -> FloatArray:
    """The risk of keeping the surest 1, 2, ... N images: (N,)."""
    _check_uncertainty(uncertainty)
    if wrong.shape != uncertainty.shape or not len(wrong):
        raise ValueError(f"expected {uncertainty.shape} > 0 of `wrong`, got {wrong.shape}")
    _, level, count = np.unique(uncertainty, return_inverse=True, return_counts=True)
    share = np.bincount(level, wrong) / count
    risks: FloatArray = np.cumsum(share[np.sort(level)]) / np.arange(1, len(wrong) + 1)
    return risks


def _check_uncertainty(uncertainty: FloatArray) -> None:
    if uncertainty.ndim != 1 or not np.isfinite(uncertainty).all():
        raise ValueError(f"expected finite uncertainties (N,), got {uncertainty.shape}")
