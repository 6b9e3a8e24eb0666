"""Outlier scores: how little an image is like those that a model learnt, higher being less alike.

- `max_probability`: 1 minus the highest class probability (Hendrycks and Gimpel 2017, arXiv
  1610.02136).
- `entropy`: of the class probabilities, in nats.
- `energy`: -log sum exp of the logits, at temperature 1 (Liu et al. 2020, arXiv 2010.03759,
  equation 4). Log-probabilities have lost it, so it is of heads that have logits. The hierarchical
  head has none: each of its decisions has logits of its own, and their sum is not defined up to
  one constant.
- `mahalanobis`: the distance of the pooled features to the nearest class mean, under one covariance
  that all classes share (Lee et al. 2018, arXiv 1807.03888, equation 2): of the one layer that the
  head sees, without the input perturbation, and not squared, so that a mean over models is not
  that of the one with the widest tail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch
from scipy.linalg import solve_triangular
from sklearn.covariance import LedoitWolf
from torch import Tensor

from skin.models.build import Seen

_LEAST_VARIANCE = 1e-6  # of the mean variance, for features that never vary


def max_probability(seen: Seen) -> Tensor:
    """1 - max p: (B,), from 0 to 1 - 1 / C."""
    return -torch.expm1(seen.log_probabilities.double().amax(1))


def entropy(seen: Seen) -> Tensor:
    """The sum of -p log p: (B,) nats, from 0 to log C."""
    nats: Tensor = torch.special.entr(seen.log_probabilities.double().exp()).sum(1)
    return nats


def energy(seen: Seen) -> Tensor:
    """-log sum exp of the logits: (B,).

    Raises:
        ValueError: the head has no logits.
    """
    if seen.logits is None:
        raise ValueError("the energy is of logits, which the hierarchical head does not have")
    return -seen.logits.double().logsumexp(1)


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """Where the classes lie in a model's pooled features, and how they scatter there.

    Attributes:
        means: (C, F) of the classes.
        whitening: (F, F), W with W' W the inverse of the shared covariance.
    """

    means: Tensor
    whitening: Tensor

    @classmethod
    def fit(cls, pooled: np.ndarray, targets: np.ndarray, classes: int) -> Self:
        """Fit on the features (N, F) of training images of the classes (N,).

        The covariance is shrunk towards a multiple of the identity as Ledoit and Wolf 2004 do ("A
        well-conditioned estimator for large-dimensional covariance matrices"), as features are
        often more than images. Features that do not vary at all get a millionth of the mean
        variance, or 1 where none varies.

        Raises:
            ValueError: a class has no image.
        """
        counts = np.bincount(targets, minlength=classes)
        if len(counts) != classes or not counts.all():
            raise ValueError(f"expected images of {classes} classes, got counts {counts.tolist()}")
        values = pooled.astype(np.float64)
        means = np.stack([values[targets == index].mean(axis=0) for index in range(classes)])
        estimate = LedoitWolf(assume_centered=True).fit(values - means[targets])
        covariance: np.ndarray = estimate.covariance_
        variance = float(np.trace(covariance)) / len(covariance)
        floor = _LEAST_VARIANCE * variance if variance > 0 else 1.0
        covariance = covariance + floor * np.eye(len(covariance))
        factor = np.linalg.cholesky(covariance)
        whitening = np.ascontiguousarray(solve_triangular(factor, np.eye(len(factor)), lower=True))
        return cls(torch.from_numpy(means).float(), torch.from_numpy(whitening).float())

    def mahalanobis(self, seen: Seen) -> Tensor:
        """The distance to the nearest class: (B,)."""
        # Float64 is also what autocast leaves alone.
        whitening = self.whitening.double().T
        images = seen.pooled.double() @ whitening
        means = self.means.double() @ whitening
        return (images[:, None] - means).square().sum(2).amin(1).sqrt()

    def to(self, device: torch.device) -> Self:
        """The same on a device, in float64."""
        return type(self)(self.means.to(device).double(), self.whitening.to(device).double())


MAHALANOBIS: Final = "mahalanobis"
_OF_OUTPUTS: Final[Mapping[str, Callable[[Seen], Tensor]]] = {
    "max_probability": max_probability,
    "entropy": entropy,
    "energy": energy,
}
SCORES: Final = (*_OF_OUTPUTS, MAHALANOBIS)


def scores_of(seen: Seen) -> tuple[str, ...]:
    """The names of the scores that a model can give, of `SCORES`."""
    return tuple(name for name in SCORES if name != "energy" or seen.logits is not None)


def outlier_score(name: str, seen: Seen, statistics: FeatureStatistics | None) -> Tensor:
    """Give a score (B,) in float64.

    Args:
        name: of `SCORES`.
        seen: what the model made of the images.
        statistics: for `mahalanobis`.

    Raises:
        ValueError: the model cannot give the score.
    """
    if name != MAHALANOBIS:
        return _OF_OUTPUTS[name](seen)
    if statistics is None:
        raise ValueError("the Mahalanobis distance needs the statistics of the model's features")
    return statistics.mahalanobis(seen)
