from __future__ import annotations

import gc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import scale_cam_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from skin.analysis.heatmaps import METHODS, attention_maps, cam, to_image_size
from skin.config import parse_config
from skin.errors import SkinError
from skin.models.build import build_model


class Pooled(nn.Module):
    """The image is its own feature map; a linear layer on the channels' means gives logits."""

    def __init__(self, weight, maps=None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.maps = maps
        self.seen = []

    def normalise(self, images):
        return images

    def features(self, images):
        return images

    def classify(self, features, metadata=None):
        self.seen.append(metadata)
        return torch.log_softmax(features.mean((2, 3)) @ self.weight.T, dim=1)

    def heatmaps(self, images, metadata=None):
        self.seen.append(metadata)
        return None if self.maps is None else self.maps.expand(len(images), -1, -1, -1)


# Two channels of 1 x 2 places, two classes, each of which is one channel.
FEATURES = torch.tensor([[[[2.0, 0.0]], [[0.0, 4.0]]]])
IDENTITY = [[1.0, 0.0], [0.0, 1.0]]


def test_grad_cam_by_hand():
    # Means 1 and 2 are the logits. The score of class 0 is z_0 - (z_0 + z_1) / 2, whose gradient
    # is (1/2, -1/2), and each of two places has half of it: the weights are 1/4 and -1/4. Class 0
    # has 2/4 at its place, and less than 0 at the other; class 1 has 4/4.
    model = Pooled(IDENTITY)
    zero = cam(model, FEATURES, torch.tensor([0]))
    one = cam(model, FEATURES, torch.tensor([1]))
    torch.testing.assert_close(zero, torch.tensor([[[0.5, 0.0]]]))
    torch.testing.assert_close(one, torch.tensor([[[0.0, 1.0]]]))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # Gradients of class 0 are 1/4 in the first channel, -1/4 in the second.
        ("hirescam", [0.5, 0.0]),  # 2/4 and, below 0, -4/4
        ("layercam", [0.5, 0.0]),  # the second channel's gradients are cut to 0
        # a = g^2 / (2 g^2 + g^3 sum A) = (1/16) / (2/16 + 2/64) = 0.4 at both places of the first
        # channel: its weight is 2 * 0.4 / 4 = 0.2, the second's 0.
        ("gradcam++", [0.4, 0.0]),
    ],
)
def test_other_maps_by_hand(method, expected):
    heatmap = cam(Pooled(IDENTITY), FEATURES, torch.tensor([0]), method=method)
    torch.testing.assert_close(heatmap, torch.tensor([[expected]]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_eigencam_is_high_where_features_differ_most_whatever_their_sign(sign):
    # Centred, the one channel that is not constant is -1, -1, 2, and 1, 1, -2 with its sign.
    features = torch.tensor([[[[0.0, 0.0, 3.0]], [[1.0, 1.0, 1.0]]]]) * sign
    heatmap = cam(Pooled(IDENTITY), features, torch.tensor([0]), method="eigencam")
    torch.testing.assert_close(heatmap, torch.tensor([[[0.0, 0.0, 2.0]]]))


class Scored(nn.Module):
    """A classifier's log-probabilities less their mean, as the library takes a model."""

    def __init__(self, model) -> None:
        super().__init__()
        self.model = model

    def forward(self, images):
        log_p = self.model(images)
        return log_p - log_p.mean(dim=1, keepdim=True)


def test_the_map_is_the_library_s_where_the_library_can_hook_the_features():
    """Of this network alone the last feature map is a submodule's output, that of `layer4`."""
    model = tiny()
    images = torch.randint(0, 256, (3, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    with GradCAM(Scored(model), [model.backbone.layer4]) as library:
        theirs = library(images.float(), [ClassifierOutputTarget(k) for k in (0, 3, 6)])
    ours = cam(model, images, torch.tensor([0, 3, 6])).numpy()
    # The library adds 1e-7 to what it divides by, here some 1e-4.
    np.testing.assert_allclose(scale_cam_image(ours, (64, 64)), theirs, atol=1e-3)


def test_a_sure_model_has_the_map_of_an_unsure_one():
    """The probability's own gradient would fade: at 50 to 0 in logits it is below 1e-21."""
    unsure, sure = Pooled(IDENTITY), Pooled(IDENTITY)
    classify = sure.classify
    sure.classify = lambda features, _=None: torch.log_softmax(
        classify(features) + torch.tensor([0.0, 50.0]), dim=1
    )
    for index in (0, 1):
        maps = [cam(model, FEATURES, torch.tensor([index])) for model in (unsure, sure)]
        torch.testing.assert_close(*maps)


def test_each_image_of_a_batch_has_the_map_that_it_has_alone():
    images = torch.rand(3, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    model, classes = Pooled(IDENTITY), torch.tensor([0, 1, 0])
    alone = [cam(model, images[i : i + 1], classes[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(cam(model, images, classes), torch.cat(alone))


def test_a_map_is_zero_where_nothing_speaks_for_the_class():
    against = Pooled([[-1.0, -1.0], [0.0, 0.0]])
    assert not cam(against, FEATURES, torch.tensor([0])).any()


def test_an_unknown_method_is_refused():
    with pytest.raises(SkinError, match=r"unknown heatmap 'grad': .*known: eigencam, gradcam"):
        cam(Pooled(IDENTITY), FEATURES, torch.tensor([0]), method="grad")


def test_metadata_reach_the_model():
    model, metadata = Pooled(IDENTITY, maps=torch.ones(1, 1, 1, 2)), torch.ones(1, 3)
    cam(model, FEATURES, torch.tensor([0]), metadata)
    attention_maps(model, FEATURES, metadata)
    assert all(seen is metadata for seen in model.seen)
    assert len(model.seen) == 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet"])
@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"attention": "se"},
        {"attention": "soft"},
        {"head": {"kind": "hierarchical", "units": 8}},
    ],
    ids=str,
)
def test_real_variants(backbone, variant, method):
    model = tiny(backbone=backbone, **variant)
    images = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    before = {name: p.clone() for name, p in model.named_parameters()}
    with torch.no_grad():  # as callers have it
        maps = cam(model, images, torch.tensor([0, 6]), method=method)
    features = model.features(model.normalise(images))
    assert maps.shape == (2, *features.shape[2:])
    assert (maps >= 0).all()
    assert maps.isfinite().all()
    assert not maps.requires_grad
    assert all(p.grad is None and p.equal(before[name]) for name, p in model.named_parameters())
    assert not any(module._forward_hooks for module in model.modules())  # noqa: SLF001


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        ({}, []),
        ({"attention": "se"}, ["attention"]),
        ({"attention": "soft"}, ["attention"]),
        (
            {"head": {"kind": "hierarchical", "units": 8}},
            ["attention1", "attention2", "attention3"],
        ),
    ],
    ids=str,
)
def test_a_model_s_own_attention(variant, names):
    model = tiny(**variant)
    images = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    own = attention_maps(model, images)
    assert list(own) == names
    assert all(each.ndim == 3 and (each >= 0).all() for each in own.values())


@pytest.mark.parametrize("method", ["gradcam", "eigencam"])
def test_nothing_is_kept(method):
    """Without the cycle collector: what only it frees would grow between its runs."""
    model, images = tiny(), torch.zeros(2, 3, 64, 64)

    def tensors() -> int:
        cam(model, images, torch.tensor([0, 6]), method=method)
        return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())

    tensors()
    gc.collect()
    gc.disable()
    try:
        counts = [tensors() for _ in range(3)]
    finally:
        gc.enable()
    assert len(set(counts)) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("variant", [{}, {"head": {"kind": "hierarchical", "units": 8}}], ids=str)
def test_a_gpu_gives_the_same_maps(method, variant):
    model = tiny(**variant)
    images = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    expected = cam(model, images, torch.tensor([0, 6]), method=method)
    model.cuda()
    maps = cam(model, images.cuda(), torch.tensor([0, 6]).cuda(), method=method)
    assert maps.is_cuda
    torch.testing.assert_close(maps.cpu(), expected, atol=1e-3, rtol=1e-2)


def test_a_frozen_backbone_has_its_map_too():
    model = tiny()
    images = torch.randint(0, 256, (1, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    thawed = cam(model, images, torch.tensor([2]))
    model.freeze(frozen=True)
    torch.testing.assert_close(cam(model, images, torch.tensor([2])), thawed)


def test_a_backbone_without_a_map_is_refused():
    model = tiny(backbone="test_vit", image_size=160)
    with pytest.raises(SkinError, match=r"needs a spatial feature map \(B, D, H, W\)"):
        cam(model, torch.zeros(1, 3, 160, 160), torch.tensor([0]))


def tiny(image_size=64, **model):
    torch.manual_seed(0)
    tree = {
        "data": {"image_size": image_size},
        "model": {"backbone": "test_resnet", "pretrained": False, **model},
    }
    return build_model(parse_config(tree, "test")).eval()


def test_attention_maps_are_named_by_their_number():
    assert attention_maps(Pooled(IDENTITY), FEATURES) == {}
    one = attention_maps(Pooled(IDENTITY, torch.ones(1, 1, 1, 2)), FEATURES)
    assert {name: each.shape for name, each in one.items()} == {"attention": (1, 1, 2)}
    two = attention_maps(Pooled(IDENTITY, torch.tensor([[[[1.0]], [[2.0]]]])), FEATURES)
    assert {name: each.item() for name, each in two.items()} == {"attention1": 1, "attention2": 2}


def test_image_size_by_hand():
    # Half-pixel centres: the two values keep their own quarter, with 1/4 and 3/4 between.
    large = to_image_size(torch.tensor([[[0.0, 2.0], [0.0, 2.0]]]), 4)
    torch.testing.assert_close(large, torch.tensor([0.0, 0.25, 0.75, 1.0]).expand(1, 4, 4))
    assert not to_image_size(torch.zeros(1, 2, 2), 4).any()


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 20), st.floats(1e-6, 1e6))
def test_maps_reach_from_0_to_1_whatever_their_scale(seed, size, side, scale):
    maps = torch.rand(2, size, size, generator=torch.Generator().manual_seed(seed)) + 0.01
    large = to_image_size(maps * scale, side)
    assert large.shape == (2, side, side)
    assert large.min() >= 0
    assert large.amax((1, 2)).tolist() == [1, 1]
