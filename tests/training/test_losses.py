"""Losses against numbers worked out by hand.

Throughout, the model says p = (1/2, 1/4, 1/4) of each image.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skin.config import LossConfig
from skin.training.losses import ClassificationLoss, class_weights

LN2 = math.log(2)
P = torch.tensor([[0.5, 0.25, 0.25]]).log()
COUNTS = np.array([4, 1, 1])
EVEN = np.full(3, 1 / 3)


def loss(targets: list[int], drawn: np.ndarray = EVEN, **config: object) -> float:
    function = ClassificationLoss(LossConfig.model_validate(config), COUNTS, drawn)
    return float(function(P.expand(len(targets), 3), torch.tensor(targets)))


def test_plain_is_the_mean_of_minus_log_p():
    assert loss([0]) == pytest.approx(LN2)
    assert loss([0, 1]) == pytest.approx((LN2 + 2 * LN2) / 2)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # 1/4, 1, 1 times 6 images over the sum 4 * 1/4 + 1 + 1 = 3
        ("inverse", [0.5, 2.0, 2.0]),
        # 1/2, 1, 1 times 6 over 4 * 1/2 + 1 + 1 = 4
        ("sqrt_inverse", [0.75, 1.5, 1.5]),
    ],
)
def test_class_weights(kind: str, expected: list[float]):
    weights = class_weights(kind, COUNTS)
    assert weights is not None
    assert weights.tolist() == pytest.approx(expected)
    assert float(weights @ torch.tensor(COUNTS).float()) / COUNTS.sum() == pytest.approx(1)


def test_no_class_weights():
    assert class_weights("none", COUNTS) is None


def test_weighted_loss_is_the_weighted_mean():
    by_hand = (0.5 * LN2 + 2.0 * 2 * LN2) / (0.5 + 2.0)
    assert loss([0, 1], class_weights="inverse") == pytest.approx(by_hand)


def test_label_smoothing():
    """Of the target 0.3 is spread over three classes: (0.8, 0.1, 0.1)."""
    by_hand = 0.8 * LN2 + 0.1 * 2 * LN2 + 0.1 * 2 * LN2
    assert loss([0], label_smoothing=0.3) == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("tau", "by_hand"),
    [
        # p * prior = (1/4, 1/16, 1/16), of sum 3/8: shares 2/3, 1/6, 1/6
        (1.0, math.log(6)),
        # p * prior^2 = (1/8, 1/64, 1/64), of sum 10/64: shares 8/10, 1/10, 1/10
        (2.0, math.log(10)),
        (0.0, 2 * LN2),
    ],
)
def test_prior_adjustment(tau: float, by_hand: float):
    drawn = np.array([0.5, 0.25, 0.25])
    assert loss([1], drawn, prior_adjustment=tau) == pytest.approx(by_hand, rel=1e-5)


def test_the_prior_is_what_the_sampler_draws_not_what_there_is():
    """A balanced sampler leaves nothing to adjust, however unequal the counts."""
    assert loss([1], EVEN, prior_adjustment=1.0) == pytest.approx(loss([1]))


def test_prior_adjustment_by_default_is_off():
    assert loss([1], np.array([0.9, 0.05, 0.05])) == pytest.approx(2 * LN2)


def test_the_adjusted_loss_is_least_at_the_balanced_posterior():
    """What has the class shares of the draw as its posterior learns to be undecided."""
    drawn = np.array([0.7, 0.2, 0.1])
    config = LossConfig(prior_adjustment=1.0)
    function = ClassificationLoss(config, COUNTS, drawn)
    logits = torch.zeros(1, 3, requires_grad=True)
    targets = torch.tensor([0] * 7 + [1] * 2 + [2])
    function(logits.log_softmax(1).expand(10, 3), targets).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.zeros(1, 3), atol=1e-6, rtol=0)
