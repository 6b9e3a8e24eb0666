from __future__ import annotations

import math

import pytest
import torch

from skin.models.heads.arc_margin import ArcMarginHead

SCALE, MARGIN = 10.0, 0.3


def head_for(degrees: list[float], margin: float = MARGIN) -> ArcMarginHead:
    """A head on the plane, whose classes lie at these angles."""
    head = ArcMarginHead(2, len(degrees), dropout=0.0, scale=SCALE, margin=margin)
    angles = torch.tensor(degrees).deg2rad()
    head.directions.data = 7 * torch.stack([angles.cos(), angles.sin()], dim=1)
    return head


EAST = torch.tensor([[3.0, 0.0]])


def test_without_targets_the_logits_are_the_scaled_cosines():
    """Lengths count for nothing: angles 0, 60 and 90 degrees have cosines 1, 1/2 and 0."""
    expected = (SCALE * torch.tensor([[1.0, 0.5, 0.0]])).log_softmax(1)
    torch.testing.assert_close(head_for([0, 60, 90])(EAST), expected)


def test_in_training_the_true_angle_is_widened_by_the_margin():
    head = head_for([0, 60, 90])
    wider = math.cos(math.radians(60) + MARGIN)
    expected = (SCALE * torch.tensor([[1.0, wider, 0.0]])).log_softmax(1)
    torch.testing.assert_close(head(EAST, torch.tensor([1])), expected)


def test_in_evaluation_there_is_no_margin():
    head = head_for([0, 60, 90]).eval()
    torch.testing.assert_close(head(EAST, torch.tensor([1])), head(EAST))


def test_without_margin_it_is_the_plain_cosine():
    head = head_for([0, 60, 90], margin=0.0)
    torch.testing.assert_close(head(EAST, torch.tensor([1])), head(EAST))


def test_a_wider_angle_never_has_a_larger_logit():
    """Beyond pi - m the cosine of theta + m would rise again."""
    degrees = torch.linspace(1, 179, 90)
    head = head_for(degrees.tolist())
    hard = head._with_margin(  # noqa: SLF001 - the curve itself
        degrees.deg2rad().cos().expand(90, 90), torch.arange(90)
    ).diagonal()
    assert (hard.diff() < 0).all()
    assert (hard < degrees.deg2rad().cos()).all()


@pytest.mark.parametrize("angle", [0.0, 180.0])
def test_gradients_are_finite_at_both_ends(angle: float):
    head = head_for([0, 90])
    pooled = torch.tensor([[math.cos(math.radians(angle)), 0.0]], requires_grad=True)
    head(pooled, torch.tensor([0]))[0, 0].backward()
    assert pooled.grad is not None
    assert pooled.grad.isfinite().all()
    assert head.directions.grad is not None
    assert head.directions.grad.isfinite().all()


def test_under_autocast_the_angles_keep_their_precision():
    head = head_for([0, 60, 90])
    exact = head(EAST)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(head(EAST.bfloat16()), exact)
