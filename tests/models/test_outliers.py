from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from skin.config import Config
from skin.models.build import Seen, build_model
from skin.models.forward import predict_batch, see_batch
from skin.models.outliers import (
    SCORES,
    FeatureStatistics,
    energy,
    entropy,
    max_probability,
    outlier_score,
    scores_of,
)

Variant = Callable[..., Config]


def seen(logits: Tensor, pooled: Tensor | None = None) -> Seen:
    return Seen(
        logits.log_softmax(1), logits, torch.zeros(len(logits), 1) if pooled is None else pooled
    )


def of_features(pooled: object) -> Seen:
    values = torch.tensor(pooled, dtype=torch.float32)
    return seen(torch.zeros(len(values), 2), values)


def test_the_scores_of_outputs_by_hand():
    images = seen(torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]]))  # 3/4 and 1/4; a half each
    assert max_probability(images).tolist() == pytest.approx([0.25, 0.5])
    expected = [-0.75 * math.log(0.75) - 0.25 * math.log(0.25), math.log(2)]
    assert entropy(images).tolist() == pytest.approx(expected)
    assert energy(images).tolist() == pytest.approx([-math.log(4), -math.log(2)])


def test_the_energy_tells_what_the_probabilities_do_not():
    """Logits that are all higher by 5 give the same probabilities."""
    images = seen(torch.tensor([[1.0, 2.0], [6.0, 7.0]]))
    first, second = energy(images).tolist()
    assert first - second == pytest.approx(5)
    assert entropy(images)[0].item() == pytest.approx(entropy(images)[1].item())


def test_certain_images_have_finite_scores():
    images = seen(torch.tensor([[400.0, -400.0, 0.0]]))
    for score in (max_probability, entropy, energy):
        assert torch.isfinite(score(images)).all()
    assert max_probability(images).item() == 0
    assert entropy(images).item() == pytest.approx(0, abs=1e-12)


def test_all_scores_rise_from_a_sure_image_to_an_unsure_one():
    features = np.random.default_rng(0).normal(size=(40, 1))
    statistics = FeatureStatistics.fit(features, np.zeros(40, np.int64), 1)
    images = seen(torch.tensor([[9.0, 0.0], [1.0, 0.5]]), torch.tensor([[0.1], [9.0]]))
    for name in SCORES:
        low, high = outlier_score(name, images, statistics).tolist()
        assert low < high, name


@pytest.mark.parametrize("features", [2, 5])
def test_the_distance_in_gaussians_has_a_closed_form(features: int):
    """Of two Gaussians of covariance S = A A': sqrt(x' S^-1 x) from the nearer mean."""
    rng = np.random.default_rng(0)
    root = np.tril(rng.normal(size=(features, features))) + 2 * np.eye(features)
    means = np.stack([np.zeros(features), np.full(features, 30.0)])
    targets = rng.integers(2, size=200_000)
    drawn = means[targets] + rng.normal(size=(len(targets), features)) @ root.T
    statistics = FeatureStatistics.fit(drawn, targets, 2)
    away = rng.normal(size=features)
    points = means + away
    expected = math.sqrt(away @ np.linalg.inv(root @ root.T) @ away)
    assert statistics.mahalanobis(of_features(points)).tolist() == pytest.approx(
        [expected] * 2, rel=0.02
    )


def test_of_its_own_gaussian_the_mean_square_distance_is_the_number_of_features():
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(50_000, 4)) * [1, 2, 3, 4]
    statistics = FeatureStatistics.fit(drawn, np.zeros(len(drawn), np.int64), 1)
    squares = statistics.mahalanobis(of_features(drawn[:20_000])).square()
    assert squares.mean().item() == pytest.approx(4, rel=0.02)


@given(st.integers(2, 30), st.integers(0, 3))
def test_fewer_images_than_features_give_finite_distances(images: int, dead: int):
    """Also where features never vary, as behind a ReLU."""
    rng = np.random.default_rng(images)
    drawn = rng.normal(size=(images, 40))
    drawn[:, :dead] = 0
    statistics = FeatureStatistics.fit(drawn, np.zeros(images, np.int64), 1)
    distances = statistics.mahalanobis(of_features(rng.normal(size=(3, 40))))
    assert torch.isfinite(distances).all()
    assert (distances > 0).all()


def test_features_that_do_not_vary_at_all_have_unit_variance():
    statistics = FeatureStatistics.fit(np.ones((3, 2)), np.zeros(3, np.int64), 1)
    assert statistics.mahalanobis(of_features([[1.0, 1.0], [4.0, 5.0]])).tolist() == [0, 5]


def test_a_class_without_an_image_is_refused():
    with pytest.raises(ValueError, match=r"images of 3 classes, got counts \[1, 0, 2\]"):
        FeatureStatistics.fit(np.ones((3, 2)), np.array([0, 2, 2]), 3)


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"head": {"kind": "multi_sample"}, "dropout": 0.3},
        {"head": {"kind": "arc_margin"}},
        {"head": {"kind": "hierarchical"}},
        {"head": {"kind": "hierarchical", "decoding": "greedy"}},
        {"metadata": {"fusion": "concat"}},
        {"attention": "soft"},
    ],
    ids=["linear", "multi-sample", "arc margin", "hierarchical", "greedy", "metadata", "attention"],
)
@pytest.mark.parametrize("views", ["none", "dihedral", "crops"])
def test_what_is_seen_changes_no_bit_of_what_is_predicted(
    variant: Variant, images: Tensor, model: dict[str, object], views: str
):
    torch.manual_seed(0)
    network = build_model(variant(**model)).eval()
    values, first = see_batch(network, images, views)
    assert torch.equal(values, predict_batch(network, images, views))
    alone = predict_batch(network, images)
    torch.testing.assert_close(first.log_probabilities.double(), alone, rtol=0, atol=1e-5)
    assert first.pooled.shape[0] == len(images)
    assert first.pooled.ndim == 2


def test_only_the_hierarchical_head_has_no_energy(variant: Variant, images: Tensor):
    for kind, names in (
        ("linear", SCORES),
        ("hierarchical", ("max_probability", "entropy", "mahalanobis")),
    ):
        _, first = see_batch(build_model(variant(head={"kind": kind})).eval(), images)
        assert scores_of(first) == names
    with pytest.raises(ValueError, match="hierarchical head does not have"):
        outlier_score("energy", first, None)
    with pytest.raises(ValueError, match="needs the statistics"):
        outlier_score("mahalanobis", first, None)


def test_the_logits_of_the_margin_head_are_scaled_cosines(variant: Variant, images: Tensor):
    torch.manual_seed(0)
    network = build_model(variant(head={"kind": "arc_margin", "scale": 8.0})).eval()
    _, first = see_batch(network, images)
    assert first.logits is not None
    assert first.logits.abs().max() <= 8
    torch.testing.assert_close(first.logits.log_softmax(1), first.log_probabilities)


def test_the_hierarchical_head_sees_the_mean_of_its_map(variant: Variant, images: Tensor):
    torch.manual_seed(0)
    network = build_model(variant(head={"kind": "hierarchical"})).eval()
    _, first = see_batch(network, images)
    with torch.no_grad():
        features = network.features(network.normalise(images))
    torch.testing.assert_close(first.pooled, features.mean((2, 3)))
