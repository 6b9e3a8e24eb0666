from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.config import Config
from skin.data.encode import METADATA_SIZE
from skin.data.loader import Batch
from skin.errors import SkinError
from skin.models import forward
from skin.models.build import build_model
from skin.models.forward import predict, predict_batch
from skin.models.tta import views
from skin.views import Tta

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


def test_the_prediction_is_the_log_of_the_mean_probability():
    """Each of the four corners is the upper left one in two views."""
    images = torch.zeros(1, 2, 2, 2)
    images[0, 0] = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    by_hand = [1 / (1 + math.exp(-value)) for value in (0.0, 1.0, 2.0, 3.0)]
    result = predict_batch(Corner(), images, "dihedral").exp()
    assert result[0].tolist() == pytest.approx([sum(by_hand) / 4, 1 - sum(by_hand) / 4], abs=1e-7)
    assert result.dtype == torch.float64


def test_the_average_of_logits_is_the_normalised_geometric_mean():
    images = torch.zeros(1, 2, 2, 2)
    images[0, 0] = torch.tensor([[0.0, 1.0], [2.0, 7.0]])
    each = [1 / (1 + math.exp(-value)) for value in (0.0, 1.0, 2.0, 7.0)]
    first, second = math.prod(each) ** (1 / 4), math.prod(1 - p for p in each) ** (1 / 4)
    by_hand = [first / (first + second), second / (first + second)]
    result = predict_batch(Corner(), images, "dihedral+logit").exp()
    assert result[0].tolist() == pytest.approx(by_hand, abs=1e-7)
    assert result[0].tolist() != pytest.approx(
        predict_batch(Corner(), images, "dihedral").exp()[0].tolist(), abs=1e-2
    )


@pytest.mark.parametrize("tta", ["dihedral", "dihedral+crops+scales+logit"])
@pytest.mark.parametrize("most", [1, 3 * 64**2, 10 * 64**2])
def test_how_many_views_go_together_changes_nothing(
    variant: Callable[..., Config],
    images: Tensor,
    monkeypatch: pytest.MonkeyPatch,
    tta: str,
    most: int,
):
    model = build_model(variant(metadata={"fusion": "concat"})).eval()
    known = torch.rand(3, METADATA_SIZE)
    together = predict_batch(model, images, tta, known)
    batches: list[int] = []
    model.register_forward_pre_hook(lambda _, given: batches.append(len(given[0])))
    monkeypatch.setattr(forward, "_MOST_PIXELS", most)
    torch.testing.assert_close(
        predict_batch(model, images, tta, known), together, rtol=1e-5, atol=1e-5
    )
    assert max(batches) <= max(3, most // 64**2)
    assert sum(batches) == 3 * len(Tta.parse(tta))


def test_the_views_of_one_image_are_one_forward(variant: Callable[..., Config], images: Tensor):
    model = build_model(variant()).eval()
    batches: list[int] = []
    model.register_forward_pre_hook(lambda _, given: batches.append(len(given[0])))
    predict_batch(model, images[:1], "dihedral")
    assert batches == [8]


def test_parsed_views_are_as_good_as_their_text(variant: Callable[..., Config], images: Tensor):
    model, tta = build_model(variant()).eval(), Tta(crops=True)
    assert torch.equal(predict_batch(model, images, tta), predict_batch(model, images, "crops"))
    batches = [Batch(images, torch.arange(3))]
    assert torch.equal(predict(model, batches, CPU, tta=tta), predict_batch(model, images, tta))


def test_wrong_views_are_refused_before_anything_is_read():
    def unread() -> Iterator[Batch]:
        raise AssertionError
        yield

    with pytest.raises(SkinError, match="did you mean 'crops'"):
        predict(Average(), unread(), CPU, tta="crop")


def test_one_view_is_the_model_itself():
    images = torch.rand(4, 3, 5, 5)
    assert torch.equal(predict_batch(Corner(), images), Corner()(images).double())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6), st.sampled_from(["dihedral", "dihedral+logit"]))
def test_views_change_nothing_for_a_model_that_sees_no_arrangement(seed: int, side: int, tta: str):
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        predict_batch(Average(), images, tta),
        predict_batch(Average(), images),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("tta", ["dihedral", "dihedral+crops", "dihedral+scales+logit"])
def test_views_make_any_model_see_no_orientation(
    variant: Callable[..., Config], images: Tensor, tta: str
):
    model = build_model(variant()).eval()
    expected = predict_batch(model, images, tta)
    for view in views(images, Tta(dihedral=True)):
        torch.testing.assert_close(predict_batch(model, view, tta), expected, rtol=1e-5, atol=1e-5)
    assert torch.allclose(expected.exp().sum(1), torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize("tta", ["crops", "scales"])
def test_a_transformer_of_one_size_takes_every_view(
    variant: Callable[..., Config], images: Tensor, tta: str
):
    result = predict_batch(build_model(variant("test_vit")).eval(), images, tta)
    assert torch.allclose(result.exp().sum(1), torch.ones(3, dtype=torch.float64))


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


@pytest.mark.parametrize("tta", ["none", "dihedral", "dihedral+logit"])
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
