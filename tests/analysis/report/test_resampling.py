from __future__ import annotations

import numpy as np
import pytest

from skin.analysis import statistics
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.resampling import mean_intervals, rate_samples, rates


@pytest.fixture
def row(workspace):
    workspace.run("plain")
    return compare(collect([], *workspace.folders), resamples=120).best


def test_rates_are_of_the_same_resamples_as_the_scores(row):
    samples = rate_samples(row)

    assert samples.shape == (120, 7, 8)
    recalls = samples[:, np.arange(7), np.arange(7)]
    np.testing.assert_allclose(recalls, row.bootstrap.samples["recall"])
    np.testing.assert_allclose(samples.sum(axis=2), 1)
    np.testing.assert_allclose(np.diag(rates(row)), row.scores.recall)


def test_means_are_of_the_same_resamples_as_the_scores(row):
    right = (row.entry.probabilities.argmax(axis=1) == row.entry.targets).astype(float)

    accuracy, ones = mean_intervals(row, [right, np.ones_like(right)])

    expected = row.bootstrap.interval("accuracy")
    assert (accuracy.value, accuracy.low, accuracy.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )
    assert (ones.value, ones.low, ones.high) == (1, 1, 1)


def test_a_mean_by_hand(row):
    values = np.arange(len(row.entry.targets), dtype=float)

    (found,) = mean_intervals(row, [values])

    lesions = row.bootstrap.lesions
    drawn = np.hstack(list(statistics.lesion_weights(lesions.max() + 1, 120, 0)))
    means = [np.average(values, weights=weights[lesions]) for weights in drawn.T]
    assert found.value == values.mean()
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
