"""Losses against numbers worked out by hand, and against reference implementations.

Throughout, the model says p = (1/2, 1/4, 1/4) of each image, and the tree is a against (b, c).
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses
from torchvision.ops import sigmoid_focal_loss

from skin.config import LossConfig
from skin.training.losses import ClassificationLoss, class_weights
from skin.tree import Node, Tree

LN2 = math.log(2)
P = torch.tensor([[0.5, 0.25, 0.25]]).log()
COUNTS = np.array([4, 1, 1])
EVEN = np.full(3, 1 / 3)
TREE = Tree(Node("root", (Node("a"), Node("other", (Node("b"), Node("c"))))), ("a", "b", "c"))
PAIR = Tree(Node("root", (Node("no"), Node("yes"))), ("no", "yes"))


def build(drawn: np.ndarray = EVEN, counts: np.ndarray = COUNTS, **config: object):
    return ClassificationLoss(LossConfig.model_validate(config), counts, drawn, TREE)


def loss(targets: list[int], drawn: np.ndarray = EVEN, **config: object) -> float:
    return float(build(drawn, **config)(P.expand(len(targets), 3), torch.tensor(targets)))


def batch(seed: int, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(6, classes, generator=generator, dtype=torch.float64)
    return logits.log_softmax(1), torch.randint(0, classes, (6,), generator=generator)


def test_plain_is_the_mean_of_minus_log_p():
    assert loss([0]) == pytest.approx(LN2)
    assert loss([0, 1]) == pytest.approx((LN2 + 2 * LN2) / 2)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"class_weights": "none"}, [1.0, 1.0, 1.0]),
        # 1/4, 1, 1 times 6 images over the sum 4 * 1/4 + 1 + 1 = 3
        ({"class_weights": "inverse"}, [0.5, 2.0, 2.0]),
        # 1/2, 1, 1 times 6 over 4 * 1/2 + 1 + 1 = 4
        ({"class_weights": "sqrt_inverse"}, [0.75, 1.5, 1.5]),
        # effective numbers (1 - 1/16) / (1/2) = 15/8, 1, 1; inverses 8/15, 1, 1; the sum is
        # 4 * 8/15 + 2 = 62/15, and 6 over it is 90/62
        ({"class_weights": "effective", "effective_beta": 0.5}, [48 / 62, 90 / 62, 90 / 62]),
        # beta 0: every class has one effective image
        ({"class_weights": "effective", "effective_beta": 0.0}, [1.0, 1.0, 1.0]),
    ],
)
def test_class_weights(config: dict[str, object], expected: list[float]):
    weights = class_weights(LossConfig.model_validate(config), COUNTS.astype(float))
    assert weights.tolist() == pytest.approx(expected)
    assert float(weights @ torch.tensor(COUNTS).float()) / COUNTS.sum() == pytest.approx(1)


def test_effective_numbers_near_beta_1_are_the_counts():
    near = LossConfig(class_weights="effective", effective_beta=1 - 1e-9)
    inverse = LossConfig(class_weights="inverse")
    n = COUNTS.astype(float)
    torch.testing.assert_close(class_weights(near, n), class_weights(inverse, n))


DRAWN = COUNTS / COUNTS.sum()


def test_weighted_loss_is_the_weighted_mean():
    by_hand = (0.5 * LN2 + 2.0 * 2 * LN2) / (0.5 + 2.0)
    assert loss([0, 1], DRAWN, class_weights="inverse") == pytest.approx(by_hand)


def test_weights_leave_alone_what_the_sampler_has_evened_out():
    assert loss([0, 1], EVEN, class_weights="inverse") == pytest.approx(loss([0, 1]))


def test_label_smoothing():
    """Of the target 0.3 is spread over three classes: (0.8, 0.1, 0.1)."""
    by_hand = 0.8 * LN2 + 0.1 * 2 * LN2 + 0.1 * 2 * LN2
    assert loss([0], label_smoothing=0.3) == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("gamma", "by_hand"),
    [
        (0.0, (LN2 + 2 * LN2) / 2),
        # (1 - 1/2) ln 2 and (1 - 1/4) 2 ln 2
        (1.0, (0.5 * LN2 + 0.75 * 2 * LN2) / 2),
        (2.0, (0.25 * LN2 + 0.5625 * 2 * LN2) / 2),
    ],
)
def test_focal(gamma: float, by_hand: float):
    assert loss([0, 1], kind="focal", focal_gamma=gamma) == pytest.approx(by_hand, rel=1e-5)


def test_gamma_counts_only_in_the_focal_loss():
    assert loss([0], kind="cross_entropy", focal_gamma=2.0) == pytest.approx(LN2)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_has_finite_gradients_where_the_model_is_sure(gamma: float):
    logits = torch.tensor([[80.0, 0.0, 0.0], [-80.0, 0.0, 0.0]], requires_grad=True)
    build(kind="focal", focal_gamma=gamma)(logits.log_softmax(1), torch.tensor([0, 0])).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


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
    function = build(np.array([0.7, 0.2, 0.1]), prior_adjustment=1.0)
    logits = torch.zeros(1, 3, requires_grad=True)
    targets = torch.tensor([0] * 7 + [1] * 2 + [2])
    function(logits.log_softmax(1).expand(10, 3), targets).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.zeros(1, 3), atol=1e-6, rtol=0)


def test_the_mean_over_the_steps_of_a_path():
    """Class a is one decision from the root, b and c are two."""
    assert loss([0], tree_steps="mean") == pytest.approx(LN2)
    assert loss([1], tree_steps="mean") == pytest.approx(2 * LN2 / 2)


@pytest.mark.parametrize(
    ("target", "dot", "length"),
    [
        # Nodes a, other, b, c have probabilities 1/2, 1/2, 1/4, 1/4, of norm sqrt(5/8).
        (0, 1 / 2, 1.0),
        (1, 1 / 2 + 1 / 4, math.sqrt(2)),
    ],
)
def test_path_loss(target: int, dot: float, length: float):
    cosine = dot / (math.sqrt(5 / 8) * length)
    plain = loss([target])
    assert loss([target], path_cosine=0.5) == pytest.approx(plain + 0.5 * (1 - cosine))


def test_the_path_loss_of_a_sure_and_right_model_is_0():
    sure = torch.tensor([[-60.0, 0.0, -60.0]]).log_softmax(1)
    assert float(build(path_cosine=1.0)(sure, torch.tensor([1]))) == pytest.approx(0, abs=1e-6)


@given(
    st.integers(0, 10**6),
    st.sampled_from(["none", "inverse", "sqrt_inverse", "effective"]),
    st.sampled_from([0.0, 0.1, 0.7]),
)
def test_it_is_torchs_cross_entropy(seed: int, weights: str, smoothing: float):
    log_p, targets = batch(seed)
    function = build(DRAWN, class_weights=weights, label_smoothing=smoothing).double()
    expected = F.cross_entropy(log_p, targets, weight=function.weights, label_smoothing=smoothing)
    torch.testing.assert_close(function(log_p, targets), expected)


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 2.0]))
def test_of_two_classes_it_is_the_binary_loss(seed: int, gamma: float):
    log_p, targets = batch(seed, classes=2)
    config = LossConfig(kind="focal", focal_gamma=gamma)
    even = np.array([0.5, 0.5])
    function = ClassificationLoss(config, np.array([3, 3]), even, PAIR).double()
    logit = log_p[:, 1] - log_p[:, 0]
    expected = sigmoid_focal_loss(logit, targets.double(), alpha=-1, gamma=gamma, reduction="mean")
    torch.testing.assert_close(function(log_p, targets), expected, rtol=1e-5, atol=1e-8)


def test_weighted_binary_cross_entropy():
    """Weights (w0, w1) act as BCE's pos_weight w1 / w0, up to the mean's denominator."""
    log_p, targets = batch(5, classes=2)
    config = LossConfig(class_weights="inverse")
    function = ClassificationLoss(config, np.array([9, 3]), np.array([0.75, 0.25]), PAIR).double()
    summed = F.binary_cross_entropy_with_logits(
        log_p[:, 1] - log_p[:, 0],
        targets.double(),
        pos_weight=torch.tensor(3.0),
        reduction="sum",
    )
    torch.testing.assert_close(function(log_p, targets), summed / (1 + 2 * targets).sum())


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_mixed_targets_give_the_mixture_of_the_losses(seed: int, share: float):
    log_p, first = batch(seed)
    second = first.roll(1)
    function = build(kind="focal", label_smoothing=0.1).double()
    mixed = share * F.one_hot(first, 3) + (1 - share) * F.one_hot(second, 3)
    expected = share * function(log_p, first) + (1 - share) * function(log_p, second)
    torch.testing.assert_close(function(log_p, mixed), expected)
