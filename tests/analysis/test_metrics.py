from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, multilabel_confusion_matrix, precision_score, recall_score

from skin.analysis import metrics
from skin.taxonomy import TASKS, Diagnosis, Task

THREE = Task(
    "three",
    (
        Diagnosis("A", "A", ("a",), malignant=True, melanocytic=False),
        Diagnosis("B", "B", ("b",), malignant=False, melanocytic=False),
        Diagnosis("C", "C", ("c",), malignant=True, melanocytic=False),
    ),
)


def test_hand_computed_table():
    targets = np.array([0, 0, 1, 1, 1])
    probabilities = np.array(
        [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.7, 0.2], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]]
    )

    scores = metrics.score(targets, probabilities, THREE)

    assert scores.confusion.tolist() == [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0]]
    assert scores.accuracy == pytest.approx(3 / 5)
    assert scores.recall[:2] == pytest.approx((1 / 2, 2 / 3))
    assert np.isnan(scores.recall[2])
    assert scores.bacc == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert scores.macro_f1 == pytest.approx((1 / 2 + 2 / 3) / 2)
    # A's positives score 0.8 and 0.3 against 0.1, 0.2, 0.6: 5 of 6 pairs; B's 0.7, 0.5, 0.3
    # against 0.1, 0.6: 4 of 6.
    assert scores.macro_auc == pytest.approx((5 / 6 + 4 / 6) / 2)
    # A is decided twice, B three times; C neither occurs nor is decided.
    assert scores.precision[:2] == pytest.approx((1 / 2, 2 / 3))
    assert scores.specificity == pytest.approx((2 / 3, 1 / 2, 1))
    assert scores.f1[:2] == pytest.approx((1 / 2, 2 / 3))
    assert scores.auc[:2] == pytest.approx((5 / 6, 4 / 6))
    assert np.isnan([scores.precision[2], scores.f1[2], scores.auc[2]]).all()
    assert scores.macro_precision == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert scores.macro_specificity == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert scores.support == (2, 3, 0)
    # Malignant, A or C: 0.9 and 0.4 against 0.3, 0.5, 0.7.
    assert scores.malignant_auc == pytest.approx(4 / 6)


def test_scores_decide_and_probabilities_rank():
    targets = np.array([0, 0, 1])
    probabilities = np.array([[0.4, 0.6, 0.0], [0.3, 0.5, 0.2], [0.1, 0.9, 0.0]])
    weighted = probabilities * [4, 1, 1]

    plain = metrics.score(targets, probabilities, THREE)
    ruled = metrics.score(targets, probabilities, THREE, weighted / 4)

    assert plain.recall[:2] == (0, 1)
    assert ruled.confusion.tolist() == [[2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert ruled.recall[:2] == ruled.precision[:2] == (1, 1)
    # Probabilities that tell nothing rank nothing, however well the scores decide.
    flat = metrics.score(targets, np.full((3, 3), 0.25), THREE, weighted / 4)
    assert flat.bacc == 1
    assert flat.macro_auc == flat.malignant_auc == 0.5
    assert ruled.auc[:2] == plain.auc[:2]


def test_exact_tie_for_the_maximum_is_wrong_even_if_the_class_is_among_it():
    probabilities = np.array([[0.4, 0.4, 0.2], [0.4, 0.3, 0.3]])

    scores = metrics.score(np.array([0, 0]), probabilities, THREE)

    assert metrics.decide(probabilities).tolist() == [3, 0]
    assert scores.confusion[0].tolist() == [1, 0, 0, 1]
    assert scores.accuracy == scores.bacc == 0.5


def test_a_tie_below_the_maximum_decides_nothing():
    assert metrics.decide(np.array([[0.2, 0.6, 0.2]])).tolist() == [1]


def test_a_class_that_occurs_and_is_never_decided_has_precision_0():
    confusion = np.array([[2, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])

    np.testing.assert_array_equal(metrics.precision(confusion), [2 / 3, 0, np.nan])
    assert metrics.macro(metrics.precision, confusion) == pytest.approx(1 / 3)


def test_an_undecided_image_is_decided_for_no_class():
    confusion = np.array([[0, 0, 0, 2], [0, 3, 0, 1], [1, 0, 0, 0]])

    # A: of five others one is taken for A. B and C: none is.
    np.testing.assert_allclose(metrics.specificity(confusion), [4 / 5, 1, 1])


def test_specificity_is_undefined_without_other_classes():
    specificity = metrics.specificity(np.array([[1, 1, 0], [0, 0, 0]]))

    np.testing.assert_array_equal(specificity, [np.nan, 1 / 2])


def test_one_class_alone_leaves_areas_undefined():
    scores = metrics.score(np.array([0, 0]), np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]]), THREE)

    assert scores.bacc == 0.5
    assert np.isnan(scores.macro_auc)
    assert np.isnan(scores.malignant_auc)


@pytest.mark.parametrize(
    ("targets", "probabilities", "message"),
    [
        ([0, 1], [[0.5, 0.2, 0.3]], r"\(2, 3\)"),
        ([0], [[0.5, 0.5]], r"\(1, 3\)"),
        ([0], [[0.5, np.nan, 0.5]], "finite"),
        ([3], [[0.5, 0.2, 0.3]], "0 to 2"),
        ([-1], [[0.5, 0.2, 0.3]], "0 to 2"),
    ],
)
def test_wrong_input_is_refused(targets, probabilities, message):
    with pytest.raises(ValueError, match=message):
        metrics.score(np.array(targets), np.array(probabilities), THREE)


@pytest.mark.parametrize(
    ("scores", "message"),
    [([[0.5, 0.5]], r"expected scores \(1, 3\)"), ([[0, np.inf, 0]], "scores must be finite")],
)
def test_wrong_scores_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        metrics.score(np.array([0]), np.array([[0.5, 0.2, 0.3]]), THREE, np.array(scores))


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="> 0 targets"):
        metrics.score(np.empty(0, dtype=np.int64), np.empty((0, 3)), THREE)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_agrees_with_scikit_learn(seed, images):
    rng = np.random.default_rng(seed)
    task = TASKS["isic2018"]
    targets = rng.integers(len(task), size=images)
    probabilities = rng.dirichlet(np.ones(len(task)), size=images)
    decided = probabilities.argmax(axis=1)  # continuous, so without ties
    present = np.unique(targets)

    scores = metrics.score(targets, probabilities, task)

    assert scores.bacc == pytest.approx(
        recall_score(targets, decided, labels=present, average="macro")
    )
    assert scores.macro_f1 == pytest.approx(
        f1_score(targets, decided, labels=present, average="macro")
    )
    assert scores.macro_precision == pytest.approx(
        precision_score(targets, decided, labels=present, average="macro", zero_division=0)
    )
    # Each class has [[true negatives, false positives], ...]; a row of zeros has no specificity.
    negatives = multilabel_confusion_matrix(targets, decided, labels=range(len(task)))[:, 0]
    others = [row[0] / row.sum() if row.any() else np.nan for row in negatives]
    assert scores.specificity == pytest.approx(others, nan_ok=True)


def test_counts_of_any_leading_shape():
    one = np.array([[3, 1, 0], [0, 4, 0]])
    two = np.array([[2, 0, 2], [2, 2, 0]])
    stack = np.stack([one, two])

    for formula in (
        metrics.accuracy,
        metrics.balanced_accuracy,
        metrics.precision,
        metrics.specificity,
        metrics.f1,
        metrics.macro_f1,
    ):
        np.testing.assert_array_equal(formula(stack), [formula(one), formula(two)])
