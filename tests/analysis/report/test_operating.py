from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_curve

from skin.analysis.report import operating
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.operating import LEVELS, operating_points
from skin.taxonomy import TASKS

MALIGNANT = TASKS["malignant"]


@dataclass
class Made:
    """What `operating_points` asks of a row, of images that are malignant with a probability."""

    entry: SimpleNamespace
    bootstrap: SimpleNamespace


def made(targets, scores, lesions=None, resamples=20) -> Made:
    targets, scores = np.array(targets), np.array(scores, dtype=float)
    lesions = np.arange(len(targets)) if lesions is None else np.array(lesions)
    probabilities = np.column_stack([1 - scores, scores])
    entry = SimpleNamespace(targets=targets, probabilities=probabilities, task=MALIGNANT)
    samples = {"bacc": np.zeros(resamples)}
    return Made(entry, SimpleNamespace(lesions=lesions, samples=samples, seed=0))


def test_ten_images_by_hand():
    # From the highest score down: malignant at ranks 1, 2, 4 and 8 of ten.
    targets = [1, 1, 0, 1, 0, 0, 0, 1, 0, 0]
    points = operating_points(made(targets, np.linspace(1, 0, 10)))

    # Six benign: a specificity of 0.80 lets one through, of 0.90 and 0.95 none.
    assert [it.value for it in points.sensitivity] == pytest.approx([3 / 4, 2 / 4, 2 / 4])
    # Four malignant: each sensitivity needs all of them, and with them four benign.
    assert [it.value for it in points.specificity] == pytest.approx([1 - 4 / 6] * 3)
    expected = (1 + 1 + 3 / 4 + 4 / 8) / 4
    assert points.average_precision.value == pytest.approx(expected)


def test_a_level_that_is_met_exactly_counts():
    # Ten benign, one above the malignant one: a specificity of exactly 0.90.
    targets = [0, 1, *[0] * 9]
    points = operating_points(made(targets, np.linspace(1, 0, 11)))

    assert [it.value for it in points.sensitivity] == [1, 1, 0]
    assert points.specificity[0].value == pytest.approx(0.9)


def test_tied_scores_are_one_threshold():
    points = operating_points(made([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1]))

    assert [it.value for it in points.sensitivity] == [0.5] * 3
    assert [it.value for it in points.specificity] == [0.5] * 3


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40))
def test_agrees_with_scikit_learn(images):
    positive = np.array([one for one, _ in images])
    scores = np.array([score / 6 for _, score in images])
    points = operating_points(made(positive.astype(int), scores, resamples=1))

    if positive.all() or not positive.any():
        assert points is None
        return
    false, true, _ = roc_curve(positive, scores, drop_intermediate=False)
    for level, sensitivity, specificity in zip(
        LEVELS, points.sensitivity, points.specificity, strict=True
    ):
        assert sensitivity.value == pytest.approx(true[1 - false >= level - 1e-9].max())
        assert specificity.value == pytest.approx((1 - false[true >= level - 1e-9]).max())
    area = average_precision_score(positive, scores)
    assert points.average_precision.value == pytest.approx(area)


def test_intervals_are_of_lesions_drawn_again():
    rng = np.random.default_rng(0)
    lesion = rng.integers(60, size=200)
    targets = lesion % 2
    scores = np.clip(rng.normal(0.4 + 0.2 * targets, 0.2), 0, 1)
    row = made(targets, scores, lesion, resamples=50)

    points = operating_points(row)

    drawn = np.hstack(list(operating.lesion_weights(60, 50, 0)))
    expected = []
    for weights in drawn.T:
        again = np.repeat(np.arange(200), weights.astype(int)[lesion])
        one = operating_points(made(targets[again], scores[again], resamples=1))
        expected.append(one.sensitivity[1].value)
    found = points.sensitivity[1]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(expected, [0.025, 0.975])))


def test_resamples_without_malignant_images_are_left_out():
    points = operating_points(made([1, 0, 0], [0.9, 0.2, 0.1], resamples=50))

    assert (points.sensitivity[0].low, points.sensitivity[0].high) == (1, 1)


def test_of_a_run(workspace):
    workspace.run("plain")

    row = compare(collect([], *workspace.folders), resamples=50).best
    points = operating_points(row)

    for it in (*points.sensitivity, *points.specificity, points.average_precision):
        assert 0 <= it.low <= it.value + 0.05
        assert it.value - 0.05 <= it.high <= 1
    sensitivities = [it.value for it in points.sensitivity]
    assert sensitivities == sorted(sensitivities, reverse=True)
