from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.ensemble import HistGradientBoostingClassifier

from skin.ensembling.combine import Boosted
from skin.ensembling.combine.boost import fit_boosted
from skin.ensembling.combine.stacker import stack_features
from skin.ensembling.combine.trees import RegressionTree, extract
from skin.ensembling.oof import OutOfFold

MakeOof = Callable[..., OutOfFold]
LEAF = {"feature": (-1,), "threshold": (0.0,), "left": (0,), "right": (0,), "value": (1.0,)}
ASKS = {
    "feature": (3, -1, -1),
    "threshold": (0.0, 0.0, 0.0),
    "left": (1, 0, 0),
    "right": (2, 0, 0),
    "value": (0.0, 1.0, 2.0),
}


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_its_trees_are_scikit_learns(simulate: MakeOof, classes: int):
    """Trees are taken from scikit-learn's insides: should these change, this fails."""
    oof, new = simulate(0, classes=classes), simulate(1, classes=classes)
    features = stack_features(oof.log_probabilities, None, 0)
    classifier = HistGradientBoostingClassifier(max_iter=15, min_samples_leaf=5)
    baseline, trees = extract(classifier.fit(features, oof.targets))
    boosted = Boosted(
        runs=3,
        classes=classes,
        fitted=tuple(range(classes)),
        metadata_columns=0,
        baseline=tuple(baseline.tolist()),
        trees=trees,
    )
    expected = classifier.predict_proba(stack_features(new.log_probabilities, None, 0))
    combined = np.exp(boosted.combine(new.log_probabilities))
    np.testing.assert_allclose(combined, expected, rtol=0, atol=1e-9)
    assert expected.std(axis=0).min() > 0.05  # they do tell images apart


def test_it_has_a_tree_a_class_but_one_for_two_classes(simulate: MakeOof):
    assert {len(iteration) for iteration in fit_boosted(simulate(0)).trees} == {3}
    assert {len(iteration) for iteration in fit_boosted(simulate(0, classes=2)).trees} == {1}


def test_by_hand():
    """Logits 0 and 0.5 + 1: the second class is the sigmoid's."""
    boosted = Boosted(
        runs=1,
        classes=2,
        fitted=(0, 1),
        metadata_columns=0,
        baseline=(0.5,),
        trees=((RegressionTree.model_validate(LEAF),),),
    )
    combined = np.exp(boosted.combine(np.log([[[0.5, 0.5]]])))
    np.testing.assert_allclose(combined[0, 1], 1 / (1 + np.exp(-1.5)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trees": ((LEAF, LEAF),)}, r"expected 1 trees an iteration, got \[1, 2\]"),
        ({"baseline": (0.0, 0.0)}, "expected 1 trees an iteration"),
        ({"trees": ((ASKS,),)}, "a tree asks for feature 3 of 2"),
        ({"trees": (({**ASKS, "left": (0, 0, 0)},),)}, "nodes after their parent"),
        ({"baseline": (float("inf"),)}, "finite"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_damaged_data_are_refused(change: dict[str, object], message: str):
    data = {
        "runs": 1,
        "classes": 2,
        "fitted": (0, 1),
        "metadata_columns": 0,
        "baseline": (0.0,),
        "trees": ((LEAF,),),
    }
    Boosted.model_validate(data)
    with pytest.raises(ValidationError, match=message):
        Boosted.model_validate(data | change)


def test_ten_thousand_images_take_a_second(simulate: MakeOof):
    boosted = fit_boosted(simulate(0, images=500, classes=7))
    new = simulate(1, images=10_000, classes=7)
    start = time.process_time()
    boosted.combine(new.log_probabilities)
    assert time.process_time() - start < 3
