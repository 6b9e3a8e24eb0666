from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.config import Config
from skin.data.loader import Batch
from skin.models.build import build_model
from skin.models.forward import dihedral_views, predict, predict_batch

CPU = torch.device("cpu")


class Corner(nn.Module):
    """Looks at the upper left pixel alone: every view gives it another answer."""

    def forward(self, images: Tensor) -> Tensor:
        return F.log_softmax(images[:, :, 0, 0].float(), dim=1)


class Average(nn.Module):
    """Sees no arrangement."""

    def forward(self, images: Tensor) -> Tensor:
        return F.log_softmax(images.double().mean((2, 3)).float(), dim=1)


class Shifted(nn.Module):
    """Adds what is known of the patient to what the image's mean says."""

    def forward(self, images: Tensor, metadata: Tensor) -> Tensor:
        return F.log_softmax(images.float().mean((2, 3)) + metadata, dim=1)


def test_there_are_8_views_the_image_first():
    image = torch.arange(9).view(1, 1, 3, 3).expand(1, 3, 3, 3)
    views = list(dihedral_views(image))
    assert len({tuple(view.flatten().tolist()) for view in views}) == 8
    assert torch.equal(views[0], image)
    assert all(view.shape == image.shape for view in views)
    rotations = {tuple(torch.rot90(image, turns, (2, 3)).flatten().tolist()) for turns in range(4)}
    assert rotations <= {tuple(view.flatten().tolist()) for view in views}


def test_the_prediction_is_the_log_of_the_mean_probability():
    """Each of the four corners is the upper left one in two views."""
    images = torch.zeros(1, 2, 2, 2)
    images[0, 0] = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    by_hand = [1 / (1 + math.exp(-value)) for value in (0.0, 1.0, 2.0, 3.0)]
    result = predict_batch(Corner(), images, "dihedral").exp()
    assert result[0].tolist() == pytest.approx([sum(by_hand) / 4, 1 - sum(by_hand) / 4], abs=1e-7)
    assert result.dtype == torch.float64


def test_one_view_is_the_model_itself():
    images = torch.rand(4, 3, 5, 5)
    assert torch.equal(predict_batch(Corner(), images), Corner()(images).double())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_views_change_nothing_for_a_model_that_sees_no_arrangement(seed: int, side: int):
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        predict_batch(Average(), images, "dihedral"),
        predict_batch(Average(), images),
        rtol=1e-5,
        atol=1e-6,
    )


def test_views_make_any_model_see_no_orientation(variant: Callable[..., Config], images: Tensor):
    model = build_model(variant()).eval()
    expected = predict_batch(model, images, "dihedral")
    for view in dihedral_views(images):
        torch.testing.assert_close(
            predict_batch(model, view, "dihedral"), expected, rtol=1e-5, atol=1e-5
        )
    assert torch.allclose(expected.exp().sum(1), torch.ones(3, dtype=torch.float64))


def test_predict_keeps_the_order_and_switches_to_evaluation(
    variant: Callable[..., Config], images: Tensor
):
    model = build_model(variant(dropout=0.5)).train()
    parts = [Batch(images[:2], torch.tensor([0, 1])), Batch(images[2:], torch.tensor([2]))]
    result = predict(model, parts, CPU)
    assert not model.training
    assert (result.dtype, result.shape) == (torch.float64, (3, 7))
    torch.testing.assert_close(result, predict_batch(model, images), rtol=1e-5, atol=1e-5)
    assert not result.requires_grad


def test_lower_precision_is_near(variant: Callable[..., Config], images: Tensor):
    model = build_model(variant())
    batches = [Batch(images, torch.arange(3))]
    exact = predict(model, batches, CPU)
    rough = predict(model, batches, CPU, precision="bf16")
    assert not torch.equal(rough, exact)
    torch.testing.assert_close(rough, exact, rtol=0, atol=0.05)


@pytest.mark.parametrize("tta", ["none", "dihedral"])
def test_every_view_gets_the_metadata(tta: str):
    images = torch.rand(2, 3, 4, 4)
    metadata = torch.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]])
    expected = F.log_softmax(images.mean((2, 3)) + metadata, dim=1).double()
    torch.testing.assert_close(
        predict_batch(Shifted(), images, tta, metadata), expected, rtol=1e-5, atol=1e-6
    )


def test_metadata_follow_the_rows_of_the_batch():
    """Row r of the table is known to be of class r mod 3."""
    table = 50 * torch.eye(3).repeat(4, 1)
    images = torch.zeros(5, 3, 2, 2, dtype=torch.uint8)
    rows = torch.tensor([7, 0, 11, 3, 1])
    batches = [Batch(images[:3], rows[:3]), Batch(images[3:], rows[3:])]
    result = predict(Shifted(), batches, CPU, metadata=table)
    assert result.argmax(1).tolist() == [1, 0, 2, 0, 1]
