"""SMOTE and Tomek links, by imbalanced-learn, told in terms of which images they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import TomekLinks
from numpy.typing import NDArray
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from skin.data.blend import Blends

_PARENTS = 2
_ROUNDING = 1e-9


class _MixtureNeighbours(NearestNeighbors):  # type: ignore[misc] # scikit-learn has no types
    """Nearest neighbours of samples that are given as weights (n, U) of known ones (U, F).

    Args:
        features: (U, F) of the known samples.
        n_neighbors: as scikit-learn's; a sample counts as its own first neighbour.
    """

    def __init__(self, features: NDArray[np.float64] | None = None, n_neighbors: int = 5) -> None:
        super().__init__(n_neighbors=n_neighbors)
        self.features = features

    def fit(self, X: sparse.csr_array, y: object = None) -> Self:  # noqa: N803 - scikit-learn's
        super().fit(X @ self.features, y)
        return self

    def kneighbors(self, X: sparse.csr_array, **options: Any) -> Any:  # noqa: ANN401, N803 - as above
        return super().kneighbors(X @ self.features, **options)


def smote(
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    wanted: Mapping[int, int],
    neighbours: int,
    seed: int,
) -> Blends:
    """Draw synthetic samples between neighbours of a class (Chawla et al. 2002, arXiv 1106.1813).

    imbalanced-learn interpolates whatever rows it is given, so it is given each sample as a row
    of the identity, with neighbours looked up by the features behind it. What comes back are the
    weights of a synthetic sample's two parents, exact.

    Args:
        features: (U, F) of distinct samples.
        labels: (U,) their classes.
        wanted: by class, how many synthetic samples.
        neighbours: a sample's nearest ones of its class, one of which is drawn; fewer than the
            class has samples.
        seed: of the draws, below 2^32.

    Returns:
        The parents by their place in `features`; the heavier one is first.

    Raises:
        RuntimeError: imbalanced-learn gave what is no blend of two samples of the class.
    """
    counts = np.bincount(labels)
    sampler = SMOTE(
        sampling_strategy={label: int(counts[label]) + more for label, more in wanted.items()},
        k_neighbors=_MixtureNeighbours(features, neighbours + 1),
        random_state=seed,
    )
    identity = sparse.eye_array(len(labels), format="csr")
    mixtures, mixed_labels = sampler.fit_resample(identity, labels)
    blends = _parents(sparse.csr_array(mixtures[len(labels) :]))
    made = mixed_labels[len(labels) :]
    if (labels[blends.first] != made).any() or (labels[blends.second] != made).any():
        raise RuntimeError("SMOTE blended samples of two classes")
    return blends


def tomek_linked(
    features: NDArray[np.float64], labels: NDArray[np.int64], classes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Find the samples (U,) of some classes that are in a Tomek link (Tomek 1976).

    Two samples of different classes are linked if each is the other's nearest neighbour.

    Args:
        features: (U, F) of distinct samples.
        labels: (U,) their classes.
        classes: whose samples are looked for; the other side of a link may be of any class.
    """
    links = TomekLinks(sampling_strategy=classes.tolist())
    links.fit_resample(features, labels)
    linked = np.ones(len(labels), np.bool_)
    linked[links.sample_indices_] = False
    return linked


def _parents(mixtures: sparse.csr_array) -> Blends:
    """Read the one or two parents and their weights off the rows (K, U)."""
    mixtures.eliminate_zeros()
    starts, ends = mixtures.indptr[:-1], mixtures.indptr[1:]
    several = ends - starts
    if (several < 1).any() or (several > _PARENTS).any():
        raise RuntimeError("SMOTE made a sample of more than two parents")
    left, right = mixtures.indices[starts], mixtures.indices[ends - 1]
    left_weight, right_weight = mixtures.data[starts], mixtures.data[ends - 1]
    total = np.where(several == 1, left_weight, left_weight + right_weight)
    if (np.abs(total - 1) > _ROUNDING).any() or (mixtures.data < 0).any():
        raise RuntimeError("SMOTE made a sample that does not lie between its parents")
    heavier_left = left_weight >= right_weight
    return Blends(
        first=np.where(heavier_left, left, right).astype(np.int64),
        second=np.where(heavier_left, right, left).astype(np.int64),
        share=np.where(several == 1, 0.0, np.minimum(left_weight, right_weight)),
    )
