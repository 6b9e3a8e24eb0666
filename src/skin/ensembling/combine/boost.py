"""Stacking by gradient boosting."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import FiniteFloat, model_validator
from sklearn.ensemble import HistGradientBoostingClassifier

from skin.analysis.metrics import FloatArray, IntArray
from skin.ensembling.combine.stacker import Stacker, metadata_columns, stack_features
from skin.ensembling.combine.trees import RegressionTree, extract
from skin.ensembling.oof import OutOfFold

_PAIR = 2  # classes that one tree an iteration tells apart


class Boosted(Stacker):
    """Gradient-boosted trees on log-probabilities.

    Attributes:
        baseline: (K,) the logits before the first iteration; K is the number of fitted classes, or
            1 for two of them: the second one's logit, where the first one's is 0.
        trees: for each iteration K trees, whose values are added.
    """

    kind: Literal["boosting"] = "boosting"
    baseline: tuple[FiniteFloat, ...]
    trees: tuple[tuple[RegressionTree, ...], ...]

    @model_validator(mode="after")
    def _fits_together(self) -> Boosted:
        per_iteration = 1 if len(self.fitted) == _PAIR else len(self.fitted)
        counts = {len(self.baseline), *(len(iteration) for iteration in self.trees)}
        if counts != {per_iteration}:
            raise ValueError(f"expected {per_iteration} trees an iteration, got {sorted(counts)}")
        asked = [max(tree.feature) for iteration in self.trees for tree in iteration]
        if max(asked, default=0) >= self.features:
            raise ValueError(f"a tree asks for feature {max(asked)} of {self.features}")
        return self

    def _logits(self, features: FloatArray) -> FloatArray:
        columns = np.ascontiguousarray(features.T)
        logits = np.tile(self.baseline, (len(features), 1))
        for iteration in self.trees:
            for k, tree in enumerate(iteration):
                logits[:, k] += tree.evaluate(columns)
        return np.hstack([np.zeros_like(logits), logits]) if len(self.fitted) == _PAIR else logits


def fit_boosted(oof: OutOfFold, *, metadata: bool = False) -> Boosted:
    """Fit to the true classes.

    Few small trees with a ridge on their leaves' values, a fixed number of them: early stopping
    would hold images of the same lesions out.

    Args:
        oof: to fit on.
        metadata: whether age, sex and site are features, too.

    Raises:
        SkinError: metadata is asked for and not known.
    """
    columns = metadata_columns(oof, used=metadata)
    features = stack_features(oof.log_probabilities, oof.metadata, columns)
    fitted = np.unique(oof.targets)
    baseline, trees = _boost(features, oof.targets) if len(fitted) > 1 else (np.zeros(1), ())
    return Boosted(
        runs=len(oof.names),
        classes=len(oof.task),
        fitted=tuple(fitted.tolist()),
        metadata_columns=columns,
        baseline=tuple(baseline.tolist()),
        trees=trees,
    )


def _boost(
    features: FloatArray, targets: IntArray
) -> tuple[FloatArray, tuple[tuple[RegressionTree, ...], ...]]:
    classifier = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=80,
        max_leaf_nodes=4,
        min_samples_leaf=20,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=0,
    )
    return extract(classifier.fit(features, targets))
