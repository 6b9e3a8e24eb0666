"""Bringing probabilities to how often what they say comes true.

A calibrator takes log-probabilities (N, C) and gives log-probabilities (N, C) whose rows are
normalised. It is fitted on predictions that did not see their targets, and is plain data, so that
an ensemble's file can hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.isotonic import IsotonicRegression

from skin.analysis.checks import check_log_probabilities, check_targets
from skin.analysis.metrics import FloatArray, IntArray

Positive = Annotated[float, Field(gt=0)]

_RANGE = (0.01, 100.0)
"""Of inverse temperatures and scales: perfectly separated data would drive them to infinity."""

_PENALTY = 0.1
"""Weight of the squared distance from the identity, in nats summed over all images.

It is a normal prior of standard deviation 3.2 on each parameter. A bias of 4, as between the
shares of nevi and dermatofibromas, is within its reach, and a hundred images of a class outweigh
it.
"""

_KEPT = 0.01
"""The share of the uncalibrated probabilities in an isotonic calibration."""


class _Fitted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NoCalibration(_Fitted):
    """The probabilities as they are."""

    kind: Literal["none"] = "none"

    def apply(self, log_probabilities: FloatArray) -> FloatArray:
        """Give (N, C) back; ValueError unless they are log-probabilities."""
        check_log_probabilities(log_probabilities)
        return log_probabilities


class Temperature(_Fitted):
    """Temperature scaling: softmax(z / T) of log-probabilities z (Guo et al. 2017, section 4.2).

    It keeps each image's order of classes, and so its argmax.

    Attributes:
        temperature: T; above 1 for models that are too sure.
    """

    kind: Literal["temperature"] = "temperature"
    temperature: Positive

    def apply(self, log_probabilities: FloatArray) -> FloatArray:
        """Calibrate (N, C); ValueError unless they are log-probabilities."""
        check_log_probabilities(log_probabilities)
        return _log_softmax(log_probabilities / self.temperature)


class Vector(_Fitted):
    """Vector scaling: softmax(w * z + b) of log-probabilities z (Guo et al. 2017, section 4.2).

    The biases can give the natural class shares back to models that were trained for even ones.
    Deviating from the paper, z are log-probabilities and not logits, and the scales are positive,
    so that no class loses by being found likelier.

    Attributes:
        scales: w, one a class.
        biases: b, one a class.
    """

    kind: Literal["vector"] = "vector"
    scales: tuple[Positive, ...]
    biases: tuple[float, ...]

    @model_validator(mode="after")
    def _fits_together(self) -> Vector:
        if len(self.scales) != len(self.biases):
            raise ValueError(f"{len(self.scales)} scales for {len(self.biases)} biases")
        return self

    def apply(self, log_probabilities: FloatArray) -> FloatArray:
        """Calibrate (N, C); ValueError unless they are log-probabilities of these classes."""
        check_log_probabilities(log_probabilities, len(self.scales))
        return _log_softmax(log_probabilities * self.scales + self.biases)


class Knots(_Fitted):
    """A rising function on [0, 1]: straight between the knots, constant beyond them.

    Attributes:
        x: probabilities, strictly ascending.
        y: what becomes of them, ascending.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    @model_validator(mode="after")
    def _rises(self) -> Knots:
        if len(self.x) != len(self.y) or not self.x:
            raise ValueError(f"{len(self.x)} x for {len(self.y)} y: at least one of each, alike")
        if min(*self.x, *self.y) < 0 or max(*self.x, *self.y) > 1:
            raise ValueError("x and y must lie between 0 and 1")
        if (np.diff(self.x) <= 0).any() or (np.diff(self.y) < 0).any():
            raise ValueError("x must ascend strictly, and y must not fall")
        return self


class Isotonic(_Fitted):
    """Isotonic regression of each class against the rest, then normalised.

    After Zadrozny and Elkan 2002 ("Transforming classifier scores into accurate multiclass
    probability estimates", KDD). Deviating from it, each image's regressed values q are mixed with
    its uncalibrated probabilities p before they are normalised, q + e p: isotonic regression gives
    steps, and values of 0 and 1, so that two classes would often be exactly as likely. A tie for
    the maximum counts as wrong in the official scorer; mixed, classes on equal steps keep their
    order, no true class has probability 0, and an image for which every q is 0 stays as it was.

    Attributes:
        thresholds: one function a class.
        kept: e.
    """

    kind: Literal["isotonic"] = "isotonic"
    thresholds: tuple[Knots, ...]
    kept: Annotated[float, Field(gt=0, lt=1)] = _KEPT

    def apply(self, log_probabilities: FloatArray) -> FloatArray:
        """Calibrate (N, C); ValueError unless they are log-probabilities of these classes."""
        check_log_probabilities(log_probabilities, len(self.thresholds))
        probabilities = np.exp(log_probabilities)
        regressed = np.stack(
            [np.interp(probabilities[:, k], f.x, f.y) for k, f in enumerate(self.thresholds)],
            axis=1,
        )
        with np.errstate(divide="ignore"):  # the logarithm of 0 adds nothing
            mixed = np.logaddexp(np.log(regressed), np.log(self.kept) + log_probabilities)
        return _log_softmax(mixed)


Calibrator = Annotated[NoCalibration | Temperature | Vector | Isotonic, Field(discriminator="kind")]


def fit_none(log_probabilities: FloatArray, targets: IntArray) -> NoCalibration:
    """Fit nothing; see `fit_vector` for the arguments."""
    _check(log_probabilities, targets)
    return NoCalibration()


def fit_temperature(log_probabilities: FloatArray, targets: IntArray) -> Temperature:
    """Find the temperature of the least log loss; see `fit_vector` for the arguments.

    The inverse temperature, in which the log loss is convex, is kept between 0.01 and 100 and
    weakly drawn to 1.
    """
    _check(log_probabilities, targets)
    by_class = np.ascontiguousarray(log_probabilities.T)

    def of(inverse: FloatArray) -> tuple[float, FloatArray]:
        loss, gradient = _log_loss(by_class * inverse, targets)
        return loss, np.array([(gradient * by_class).sum()])

    (inverse,) = _minimise(of, identity=np.ones(1), bounds=[_RANGE], images=len(targets))
    return Temperature(temperature=float(1 / inverse))


def fit_vector(log_probabilities: FloatArray, targets: IntArray) -> Vector:
    """Find the scales and biases of the least log loss.

    Scales are kept between 0.01 and 100, and all parameters are weakly drawn to the identity: this
    settles what the data leave open, such as a constant added to all biases. It also stops the
    bias of a class without an image from falling for ever: its probabilities come to sum up to
    less than one image.

    Args:
        log_probabilities: (N, C), of models that did not see the targets.
        targets: (N,) class indices.

    Raises:
        ValueError: the shapes do not match, or a row is no distribution.
    """
    _check(log_probabilities, targets)
    by_class = np.ascontiguousarray(log_probabilities.T)
    classes = len(by_class)

    def of(parameters: FloatArray) -> tuple[float, FloatArray]:
        scales, biases = np.split(parameters[:, None], 2)
        loss, gradient = _log_loss(by_class * scales + biases, targets)
        of_scales = (gradient * by_class).sum(axis=1)
        return loss, np.concatenate([of_scales, gradient.sum(axis=1)])

    identity = np.repeat([1.0, 0.0], classes)
    bounds = [_RANGE] * classes + [(None, None)] * classes
    scales, biases = np.split(_minimise(of, identity, bounds, images=len(targets)), 2)
    return Vector(scales=tuple(scales.tolist()), biases=tuple(biases.tolist()))


def fit_isotonic(log_probabilities: FloatArray, targets: IntArray) -> Isotonic:
    """Fit scikit-learn's isotonic regression to each class; see `fit_vector` for the arguments.

    A class without an image has 0 everywhere, and keeps only its share of the uncalibrated
    probabilities.
    """
    _check(log_probabilities, targets)
    probabilities = np.exp(log_probabilities).clip(0, 1)
    thresholds = []
    for k in range(probabilities.shape[1]):
        regression = IsotonicRegression(y_min=0, y_max=1)
        regression.fit(probabilities[:, k], (targets == k).astype(np.float64))
        thresholds.append(
            Knots(
                x=tuple(regression.X_thresholds_.tolist()),
                y=tuple(regression.y_thresholds_.tolist()),
            )
        )
    return Isotonic(thresholds=tuple(thresholds))


CALIBRATIONS: Mapping[str, Callable[[FloatArray, IntArray], Calibrator]] = {
    "none": fit_none,
    "temperature": fit_temperature,
    "vector": fit_vector,
    "isotonic": fit_isotonic,
}


def _minimise(
    of: Callable[[FloatArray], tuple[float, FloatArray]],
    identity: FloatArray,
    bounds: Sequence[tuple[float | None, float | None]],
    images: int,
) -> FloatArray:
    """Minimise a convex log loss, with its gradient, from the identity on.

    The penalty is 0 at the identity, so that the log loss never ends above where it began.
    """

    def penalised(parameters: FloatArray) -> tuple[float, FloatArray]:
        loss, gradient = of(parameters)
        away = parameters - identity
        weight = _PENALTY / images
        return loss + weight / 2 * float(away @ away), gradient + weight * away

    options = {"ftol": 1e-11, "gtol": 1e-8, "maxiter": 1000}
    result = minimize(
        penalised, identity, jac=True, bounds=bounds, method="L-BFGS-B", options=options
    )
    found: FloatArray = result.x
    return found


def _log_loss(logits: FloatArray, targets: IntArray) -> tuple[float, FloatArray]:
    """The mean log loss of logits (C, N), and its gradient (C, N)."""
    log_p, columns = log_softmax(logits, axis=0), np.arange(len(targets))
    gradient = np.exp(log_p)
    gradient[targets, columns] -= 1
    return float(-log_p[targets, columns].mean()), gradient / len(targets)


def _log_softmax(logits: FloatArray) -> FloatArray:
    values: FloatArray = log_softmax(logits, axis=1)
    return values


def _check(log_probabilities: FloatArray, targets: IntArray) -> None:
    check_log_probabilities(log_probabilities)
    check_targets(targets, *log_probabilities.shape)
