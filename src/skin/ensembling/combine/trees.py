"""Regression trees as plain numbers."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, FiniteFloat, model_validator
from sklearn.ensemble import HistGradientBoostingClassifier

from skin.analysis.metrics import FloatArray

LEAF = -1


class RegressionTree(BaseModel):
    """A binary tree of K nodes, the first one the root, children after their parents.

    Attributes:
        feature: (K,) which one a node asks; `LEAF` for a leaf.
        threshold: (K,) an image with a feature up to it goes left; 0 for a leaf.
        left: (K,) the child's place; 0 for a leaf.
        right: (K,) likewise.
        value: (K,) what a leaf gives; 0 for a node that asks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature: tuple[int, ...]
    threshold: tuple[FiniteFloat, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[FiniteFloat, ...]

    @model_validator(mode="after")
    def _ends(self) -> RegressionTree:
        count = len(self.feature)
        columns = (self.threshold, self.left, self.right, self.value)
        if not count or any(len(column) != count for column in columns):
            raise ValueError("a tree's columns must be equally long, at least one node")
        feature, children = np.array(self.feature), np.array([self.left, self.right])
        if feature.min() < LEAF:
            raise ValueError(f"a tree's feature must be {LEAF} or a place")
        asking = feature != LEAF
        after = (children > np.arange(count)) & (children < count)
        if not after[:, asking].all():
            raise ValueError("a tree's children must be nodes after their parent")
        return self

    def evaluate(self, columns: FloatArray) -> FloatArray:
        """Give each image's value.

        Every node is evaluated for all images, from the last one to the root: for trees of a few
        leaves that is quicker than to follow each image.

        Args:
            columns: (F, N) the features of N images.
        """
        values: list[FloatArray] = [np.empty(0)] * len(self.feature)
        for node in reversed(range(len(values))):
            feature = self.feature[node]
            if feature == LEAF:
                values[node] = np.array(self.value[node])
            else:
                goes_left = columns[feature] <= self.threshold[node]
                values[node] = np.where(
                    goes_left, values[self.left[node]], values[self.right[node]]
                )
        return values[0]


def extract(
    classifier: HistGradientBoostingClassifier,
) -> tuple[FloatArray, tuple[tuple[RegressionTree, ...], ...]]:
    """Take a fitted classifier apart.

    The trees are no part of scikit-learn's public interface, and neither pickle nor skops stores
    them safely: scikit-learn follows their indices without a check. The learning rate is in the
    leaves' values.

    Args:
        classifier: fitted on features that are finite and not categorical.

    Returns:
        The baseline (K,) and the trees: for each iteration K, which is the number of classes, or
        1 for two classes.
    """
    baseline = classifier._baseline_prediction.ravel()  # noqa: SLF001 - see above
    iterations = classifier._predictors  # noqa: SLF001
    return baseline, tuple(
        tuple(_tree(predictor.nodes) for predictor in iteration) for iteration in iterations
    )


def _tree(nodes: np.ndarray) -> RegressionTree:
    leaf = nodes["is_leaf"].astype(bool)
    return RegressionTree(
        feature=tuple(np.where(leaf, LEAF, nodes["feature_idx"]).tolist()),
        threshold=tuple(np.where(leaf, 0.0, nodes["num_threshold"]).tolist()),
        left=tuple(np.where(leaf, 0, nodes["left"]).tolist()),
        right=tuple(np.where(leaf, 0, nodes["right"]).tolist()),
        value=tuple(np.where(leaf, nodes["value"], 0.0).tolist()),
    )
