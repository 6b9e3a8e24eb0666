from __future__ import annotations

import numpy as np
import pytest

from skin.analysis.checks import check_log_probabilities, check_probabilities, check_targets

GOOD = np.array([[0.2, 0.8], [1.0, 0.0]])


def test_distributions_pass():
    check_probabilities(GOOD)
    check_probabilities(GOOD, 2)
    check_probabilities(np.empty((0, 3)))
    check_probabilities(GOOD * (1 + 1e-9))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (GOOD[0], "an array"),
        (GOOD[:, :1], "an array"),
        (np.full((1, 3), 1 / 3), r"an array \(N, 2\), got \(1, 3\)"),
        (np.array([[0.2, np.nan]]), "finite"),
        (np.array([[1.2, -0.2]]), "between 0 and 1"),
        (np.array([[0.2, 0.7]]), "sum to 1"),
    ],
    ids=["one axis", "one class", "other classes", "nan", "negative", "sum"],
)
def test_others_do_not(bad: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        check_probabilities(bad, 2)


def test_logarithms():
    check_log_probabilities(np.log([[0.2, 0.8]]))
    for bad, message in [
        (np.array([[0.0, -np.inf]]), "finite"),
        (np.array([[0.2, 0.8]]), "between 0 and 1"),
        (np.array([[-3.0, -3.0]]), "sum to 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            check_log_probabilities(bad)


@pytest.mark.parametrize(
    "bad",
    [np.array([0]), np.array([0, 2]), np.array([-1, 0]), np.array([0.0, 1.0])],
    ids=["too few", "too high", "negative", "no integers"],
)
def test_targets(bad: np.ndarray):
    check_targets(np.array([0, 1]), 2, 2)
    with pytest.raises(ValueError, match="targets"):
        check_targets(bad, 2, 2)


def test_no_targets():
    with pytest.raises(ValueError, match="at least 1 image"):
        check_targets(np.array([], np.int64), 0, 2)
