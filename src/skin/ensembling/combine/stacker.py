"""What the stackers share: features of the runs' predictions, and classes that were not there."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, model_validator
from scipy.special import log_softmax

from skin.analysis.metrics import FloatArray
from skin.ensembling.combine.logs import check_runs, normalise
from skin.ensembling.oof import OutOfFold
from skin.errors import SkinError

# What a log-probability counts as at least. Features must be finite, and how sure a run is that
# a class is wrong beyond one in a million is an accident of its training.
LOWEST = float(np.log(1e-6))


class Stacker(BaseModel):
    """A classifier of what the runs say of an image.

    It is fitted on the true classes as they are, so that its probabilities are for the class
    shares of the images that it was fitted on, whatever shares the runs were trained for. A class
    without an image there is given about one in a million.

    Attributes:
        runs: how many it combines.
        classes: how many there are, C.
        fitted: the P classes that had an image to fit on.
        metadata_columns: how many of `encode_metadata` are used beside the predictions; 0: none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    runs: PositiveInt
    classes: PositiveInt
    fitted: tuple[NonNegativeInt, ...]
    metadata_columns: NonNegativeInt

    @model_validator(mode="after")
    def _knows_classes(self) -> Stacker:
        ascending = tuple(sorted(set(self.fitted)))
        if not ascending or ascending != self.fitted or ascending[-1] >= self.classes:
            raise ValueError(f"'fitted' must be ascending classes below {self.classes}")
        return self

    @property
    def features(self) -> int:
        """How many numbers it is given of an image, F."""
        return self.runs * self.classes + self.metadata_columns

    def combine(
        self, log_probabilities: FloatArray, metadata: NDArray[np.float32] | None = None
    ) -> FloatArray:
        """Combine log-probabilities (R, N, C) to normalised ones (N, C).

        Args:
            log_probabilities: of the runs, in the order of fitting.
            metadata: (N, M) as `encode_metadata` gives it; if there is none, it counts as zeros,
                which is how missing fields are encoded.

        Raises:
            ValueError: a shape does not fit, or there is a NaN.
        """
        check_runs(log_probabilities, self.runs, self.classes)
        given = stack_features(log_probabilities, metadata, self.metadata_columns)
        known = log_softmax(self._logits(given), axis=1)
        combined = np.full((len(known), self.classes), LOWEST)
        combined[:, list(self.fitted)] = known
        return normalise(combined)

    @abstractmethod
    def _logits(self, features: FloatArray) -> FloatArray:
        """Judge features (N, F): logits (N, P) of the fitted classes."""


def stack_features(
    log_probabilities: FloatArray, metadata: NDArray[np.float32] | None, metadata_columns: int
) -> FloatArray:
    """Lay out what a stacker sees: (N, R * C + M), each run's classes, then the metadata.

    Args:
        log_probabilities: (R, N, C).
        metadata: (N, M), or none for zeros.
        metadata_columns: M; 0: metadata is left out.

    Raises:
        ValueError: the metadata is not (N, M), or not finite.
    """
    runs, images, classes = log_probabilities.shape
    flat = log_probabilities.transpose(1, 0, 2).reshape(images, runs * classes)
    lifted = np.maximum(flat, LOWEST)
    if not metadata_columns:
        return lifted
    if metadata is None:
        metadata = np.zeros((images, metadata_columns), np.float32)
    if metadata.shape != (images, metadata_columns) or not np.isfinite(metadata).all():
        raise ValueError(
            f"expected metadata ({images}, {metadata_columns}), finite, got {metadata.shape}"
        )
    return np.hstack([lifted, metadata])


def metadata_columns(oof: OutOfFold, *, used: bool) -> int:
    """How many columns of metadata a stacker is to use.

    Raises:
        SkinError: metadata is to be used, and there is none.
    """
    if not used:
        return 0
    if oof.metadata is None:
        raise SkinError(
            "age, sex and site of the images are not known; use the stacker without '-metadata'"
        )
    return int(oof.metadata.shape[1])
