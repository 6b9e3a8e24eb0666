"""Stacking by multinomial logistic regression."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import FiniteFloat, model_validator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skin.analysis.metrics import FloatArray, IntArray
from skin.ensembling.combine.stacker import Stacker, metadata_columns, stack_features
from skin.ensembling.oof import OutOfFold

_PAIR = 2  # classes that one row of coefficients tells apart
# The inverse strength of the ridge. Runs of one task say nearly the same, so that their features
# are collinear; the penalty spreads a coefficient evenly over them, which is near a plain mean.
# Cross-validated on 2,000 images of HAM10000 with four and with eight runs, 0.1 was best, and 0.03
# to 0.3 within 0.03 of its log loss.
_C = 0.1


class Logistic(Stacker):
    """Multinomial logistic regression on standardised log-probabilities.

    Attributes:
        mean: (F,) of each feature where it was fitted.
        scale: (F,) its standard deviation; 1 for a constant one.
        coefficients: (P, F) for standardised features.
        intercepts: (P,).
    """

    kind: Literal["logistic"] = "logistic"
    mean: tuple[FiniteFloat, ...]
    scale: tuple[FiniteFloat, ...]
    coefficients: tuple[tuple[FiniteFloat, ...], ...]
    intercepts: tuple[FiniteFloat, ...]

    @model_validator(mode="after")
    def _fits_together(self) -> Logistic:
        widths = {len(self.mean), len(self.scale), *(len(row) for row in self.coefficients)}
        if widths != {self.features}:
            raise ValueError(f"expected {self.features} features, got {sorted(widths)}")
        if min(self.scale) <= 0:
            raise ValueError("'scale' must be positive")
        if not len(self.coefficients) == len(self.intercepts) == len(self.fitted):
            raise ValueError(f"expected coefficients of {len(self.fitted)} classes")
        return self

    def _logits(self, features: FloatArray) -> FloatArray:
        standardised = (features - np.array(self.mean)) / np.array(self.scale)
        logits: FloatArray = standardised @ np.array(self.coefficients).T + self.intercepts
        return logits


def fit_logistic(oof: OutOfFold, *, metadata: bool = False) -> Logistic:
    """Fit to the true classes.

    Args:
        oof: to fit on.
        metadata: whether age, sex and site are features, too.

    Raises:
        SkinError: metadata is asked for and not known.
    """
    columns = metadata_columns(oof, used=metadata)
    features = stack_features(oof.log_probabilities, oof.metadata, columns)
    scaler = StandardScaler().fit(features)
    fitted = np.unique(oof.targets)
    coefficients, intercepts = _regress(scaler.transform(features), oof.targets)
    return Logistic(
        runs=len(oof.names),
        classes=len(oof.task),
        fitted=tuple(fitted.tolist()),
        metadata_columns=columns,
        mean=tuple(scaler.mean_.tolist()),
        scale=tuple(scaler.scale_.tolist()),
        coefficients=tuple(map(tuple, coefficients.tolist())),
        intercepts=tuple(intercepts.tolist()),
    )


def _regress(features: FloatArray, targets: IntArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients (P, F) and intercepts (P,) of the P classes that occur."""
    classes = len(np.unique(targets))
    if classes == 1:  # nothing to tell apart, which scikit-learn refuses
        return np.zeros((1, features.shape[1])), np.zeros(1)
    regression = LogisticRegression(C=_C, max_iter=2000, tol=1e-5).fit(features, targets)
    coefficients, intercepts = regression.coef_, regression.intercept_
    if classes == _PAIR:  # one row, for the second class; the first one's logit is 0
        return np.vstack([0 * coefficients, coefficients]), np.append(0 * intercepts, intercepts)
    return coefficients, intercepts
