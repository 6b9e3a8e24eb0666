from __future__ import annotations

import numpy as np
import pytest

from skin.analysis import metrics
from skin.analysis.statistics import (
    Interval,
    bootstrap,
    lesion_weights,
    paired_difference,
)
from skin.taxonomy import TASKS, Diagnosis, Task

SEVEN = TASKS["isic2018"]
TWO = Task(
    "two",
    (
        Diagnosis("A", "A", ("a",), malignant=True, melanocytic=False),
        Diagnosis("B", "B", ("b",), malignant=False, melanocytic=False),
    ),
)


def predictions(rng, targets, classes, skill=1.0):
    logits = rng.normal(size=(len(targets), classes))
    logits[np.arange(len(targets)), targets] += skill
    likelihoods = np.exp(logits)
    return likelihoods / likelihoods.sum(axis=1, keepdims=True)


def one_hot(classes_of_two):
    """Sure probabilities for a task of two classes."""
    return np.eye(2)[classes_of_two]


def test_weights_draw_as_many_lesions_as_there_are():
    chunks = list(lesion_weights(11, 250, seed=3))

    weights = np.concatenate(chunks, axis=1)
    assert weights.shape == (11, 250)
    assert (weights.sum(axis=0) == 11).all()
    assert weights.mean() == 1
    # A lesion is left out of a resample with probability (1 - 1/11)^11 = 0.35.
    assert (weights == 0).mean() == pytest.approx(0.35, abs=0.04)


def test_agrees_with_resampling_the_rows_one_by_one():
    rng = np.random.default_rng(5)
    lesions = rng.integers(30, size=70)
    targets = rng.integers(7, size=70)
    probabilities = np.round(predictions(rng, targets, 7), 1)  # so that ties occur

    boot = bootstrap(targets, probabilities, lesions, SEVEN, resamples=110, seed=9)

    names = np.unique(lesions)
    weights = np.concatenate(list(lesion_weights(len(names), 110, seed=9)), axis=1)
    for b in range(110):
        rows = np.concatenate(
            [
                np.flatnonzero(lesions == name)
                for name, times in zip(names, weights[:, b].astype(int), strict=True)
                for _ in range(times)
            ]
        )
        expected = metrics.score(targets[rows], probabilities[rows], SEVEN)
        for name in ("accuracy", "bacc", "macro_f1", "macro_auc", "malignant_auc", "recall"):
            np.testing.assert_allclose(boot.samples[name][b], getattr(expected, name), rtol=1e-12)


def test_scores_decide_and_probabilities_rank():
    rng = np.random.default_rng(6)
    targets, lesions = rng.integers(7, size=60), rng.integers(30, size=60)
    probabilities = predictions(rng, targets, 7)
    scores = predictions(rng, targets, 7)

    both = bootstrap(targets, probabilities, lesions, SEVEN, scores=scores, resamples=20)
    ranks, decides = (
        bootstrap(targets, one, lesions, SEVEN, resamples=20) for one in (probabilities, scores)
    )

    assert (both.samples["bacc"] != ranks.samples["bacc"]).any()
    for name in ("accuracy", "bacc", "macro_f1", "recall"):
        np.testing.assert_array_equal(both.samples[name], decides.samples[name])
        np.testing.assert_array_equal(getattr(both.scores, name), getattr(decides.scores, name))
    for name in ("macro_auc", "malignant_auc"):
        np.testing.assert_array_equal(both.samples[name], ranks.samples[name])
        assert getattr(both.scores, name) == getattr(ranks.scores, name)


def test_sure_and_right_has_no_spread():
    targets = np.array([0, 1] * 10)

    boot = bootstrap(targets, one_hot(targets), np.arange(20), TWO, resamples=300)

    assert boot.interval("bacc") == Interval(1.0, 1.0, 1.0)
    assert boot.interval("malignant_auc") == Interval(1.0, 1.0, 1.0)
    assert boot.recall_intervals() == (Interval(1.0, 1.0, 1.0),) * 2


def test_accuracy_interval_is_the_binomial_one():
    targets = np.zeros(400, dtype=np.int64)
    decided = np.repeat([0, 1], [300, 100])

    interval = bootstrap(targets, one_hot(decided), np.arange(400), TWO, resamples=4000).interval(
        "accuracy"
    )

    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert interval.value == 0.75
    assert interval.low == pytest.approx(0.75 - half, abs=0.004)
    assert interval.high == pytest.approx(0.75 + half, abs=0.004)


def test_a_class_that_does_not_occur_has_no_interval():
    boot = bootstrap(np.zeros(4, dtype=np.int64), one_hot([0, 0, 1, 1]), range(4), TWO)

    assert np.isnan(boot.recall_intervals()[1].low)
    assert np.isnan(boot.interval("malignant_auc").high)
    assert boot.interval("bacc").value == 0.5


def test_images_of_a_lesion_are_not_independent():
    """Where all 9 images of a lesion are right or wrong together, intervals are 3 times as wide."""
    lesions = np.repeat(np.arange(60), 9)
    targets = np.zeros(540, dtype=np.int64)
    probabilities = one_hot(lesions % 2)

    by_lesion = bootstrap(targets, probabilities, lesions, TWO).interval("accuracy")
    by_image = bootstrap(targets, probabilities, np.arange(540), TWO).interval("accuracy")

    wider = (by_lesion.high - by_lesion.low) / (by_image.high - by_image.low)
    assert wider == pytest.approx(3, rel=0.12)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(1)
    recalls, held = np.array([0.8, 0.55]), 0
    for seed in range(200):
        target = rng.integers(2, size=80)
        right = rng.random(80) < recalls[target]
        lesions = np.repeat(np.arange(80), rng.integers(1, 4, size=80))
        decided = np.where(right, target, 1 - target)[lesions]
        boot = bootstrap(target[lesions], one_hot(decided), lesions, TWO, resamples=300, seed=seed)
        interval = boot.interval("bacc")
        held += interval.low <= recalls.mean() <= interval.high
    assert 0.90 <= held / 200 <= 0.985


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    rng = np.random.default_rng(0)
    targets = rng.integers(7, size=90)
    probabilities = predictions(rng, targets, 7)
    lesions = [f"HAM_{i // 2}" for i in range(90)]

    first, again, other = (
        bootstrap(targets, probabilities, lesions, SEVEN, resamples=150, seed=seed).interval("bacc")
        for seed in (4, 4, 5)
    )

    assert first == again
    assert first != other


def test_paired_difference_by_hand():
    """One run is right on the 20 images where the other is wrong, alike on the other 60."""
    targets = np.zeros(80, dtype=np.int64)
    decided = np.repeat([0, 1], [60, 20])
    lesions = np.arange(80)
    ours = bootstrap(targets, one_hot(targets), lesions, TWO)
    theirs = bootstrap(targets, one_hot(decided), lesions, TWO)

    difference = paired_difference(ours, theirs)

    half = 1.96 * np.sqrt(0.25 * 0.75 / 80)
    assert difference.value == 0.25
    assert difference.low == pytest.approx(0.25 - half, abs=0.02)
    assert difference.excludes_zero
    assert paired_difference(ours, ours) == Interval(0.0, 0.0, 0.0)
    assert not paired_difference(ours, ours).excludes_zero


def test_pairing_is_narrower_than_two_intervals_apart():
    rng = np.random.default_rng(2)
    targets = rng.integers(7, size=600)
    ours = predictions(rng, targets, 7)
    theirs = ours + rng.normal(scale=0.01, size=ours.shape)
    boots = [bootstrap(targets, p, np.arange(600), SEVEN, resamples=400) for p in (ours, theirs)]

    difference = paired_difference(*boots)

    alone = boots[0].interval("bacc")
    assert difference.high - difference.low < (alone.high - alone.low) / 2


@pytest.mark.parametrize("changed", ["targets", "lesions", "seed", "resamples"])
def test_paired_difference_refuses_other_resamples(changed):
    base = {"targets": [0, 1, 0, 1], "lesions": [0, 1, 2, 3], "seed": 0, "resamples": 100}
    other = base | {
        changed: {"targets": [1, 1, 0, 0], "lesions": [0, 0, 1, 1], "seed": 1, "resamples": 200}[
            changed
        ]
    }
    boots = [
        bootstrap(
            np.array(case["targets"]),
            one_hot([0, 1, 0, 0]),
            case["lesions"],
            TWO,
            resamples=case["resamples"],
            seed=case["seed"],
        )
        for case in (base, other)
    ]

    with pytest.raises(ValueError, match="same images"):
        paired_difference(*boots)


@pytest.mark.parametrize(
    ("low", "beats"), [(0.142, False), (1 / 7, False), (0.143, True), (float("nan"), False)]
)
def test_beating_chance_needs_the_whole_interval_above_it(low, beats):
    assert Interval(0.5, low, 0.6).beats_chance(7) is beats
