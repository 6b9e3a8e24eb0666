"""What holds of every attention block; one that is registered is tested here by itself."""

from __future__ import annotations

import io

import onnxruntime
import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from skin.errors import SkinError
from skin.models.attention import ATTENTION, build_attention
from skin.models.attention.block import (
    AttentionBlock,
    mean_magnitude,
    softmax_over_places,
    widen,
)

B, D, H, W = 2, 128, 6, 5


def features(*shape: int) -> Tensor:
    """Values like those that leave a backbone: half of them zero."""
    return torch.randn(*(shape or (B, D, H, W)), generator=torch.Generator().manual_seed(0)).relu()


@pytest.fixture(params=ATTENTION)
def block(request: pytest.FixtureRequest) -> AttentionBlock:
    torch.manual_seed(0)
    built = build_attention(request.param, D)
    assert built is not None
    return built.eval()


def test_the_output_has_the_channels_it_says(block: AttentionBlock):
    output = block(features())
    assert output.shape[:2] == (B, block.out_channels)
    assert output.ndim == 4
    assert output.isfinite().all()


def test_the_heatmap_is_one_non_negative_map_an_image(block: AttentionBlock):
    heatmap = block.heatmap(features())
    assert heatmap.shape == (B, H, W)
    assert (heatmap >= 0).all()
    assert (heatmap > 0).any()


def test_images_do_not_see_each_other(block: AttentionBlock):
    x = features()
    torch.testing.assert_close(block(x)[1:], block(x[1:]))
    torch.testing.assert_close(block.heatmap(x)[1:], block.heatmap(x[1:]))


def test_the_memory_layout_changes_nothing(block: AttentionBlock):
    x = features()
    torch.testing.assert_close(block(x.to(memory_format=torch.channels_last)), block(x))


@pytest.mark.parametrize("name", ATTENTION)
def test_gradients_are_those_of_finite_differences(name: str):
    """Of the output and of the heatmap, in the features and in each parameter."""
    torch.manual_seed(1)
    block = ATTENTION[name](3).double().eval()
    names = [name for name, _ in block.named_parameters()]
    x = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)

    def output(values: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        result: Tensor = functional_call(block, given, (values,))
        return result

    assert torch.autograd.gradcheck(output, (x, *block.parameters()))
    assert torch.autograd.gradcheck(block.heatmap, (x,))


def test_gradients_reach_every_parameter(block: AttentionBlock):
    block.train()(features()).square().sum().backward()
    idle = [n for n, p in block.named_parameters() if p.grad is None or not p.grad.any()]
    assert not idle


def test_compiled_equals_eager(block: AttentionBlock):
    """As one graph, forward and backward."""
    compiled = torch.compile(block, fullgraph=True, backend="aot_eager")
    gradients = []
    for function in (block, compiled):
        x = features().requires_grad_()
        output = function(x)
        output.square().sum().backward()
        gradients.append((output.detach(), x.grad))
    torch.testing.assert_close(gradients[1], gradients[0])


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_onnx_equals_eager(block: AttentionBlock):
    """At another batch size than it was exported with."""
    program = torch.onnx.export(
        block,
        (features(),),
        dynamo=True,
        opset_version=18,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    assert program is not None
    file = io.BytesIO()
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    x = features(3, D, H, W)
    (output,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    torch.testing.assert_close(torch.from_numpy(output), block(x), rtol=1e-4, atol=1e-4)


def test_under_autocast_it_is_near_float32(block: AttentionBlock):
    x = features()
    with torch.autocast("cpu", torch.bfloat16):
        output, heatmap = block(x), block.heatmap(x)
    assert heatmap.dtype == torch.float32
    torch.testing.assert_close(output.float(), block(x), rtol=0.03, atol=0.03)
    torch.testing.assert_close(heatmap, block.heatmap(x), rtol=0.03, atol=0.03)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_half_precision(block: AttentionBlock, dtype: torch.dtype):
    half = block.to(dtype)
    output = half(features().to(dtype))
    assert output.dtype == dtype
    assert output.isfinite().all()


def test_an_unknown_name_lists_the_blocks():
    with pytest.raises(
        SkinError,
        match=r"^model.attention: unknown block 'sofd': did you mean 'soft'\? "
        r"known: cbam, channel_spatial, eca, none, se, soft$",
    ):
        build_attention("sofd", D)


def test_none_is_no_block():
    assert build_attention("none", D) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_widen(given: torch.dtype, expected: torch.dtype):
    assert widen(torch.ones(1, dtype=given)).dtype == expected


def test_softmax_over_places_leaves_half_precision():
    """Scores ln 1, ln 2, ln 3 and ln 4 give tenths; bfloat16 would miss them by 1 in 1,000."""
    scores = torch.tensor([1.0, 2.0, 3.0, 4.0]).log().view(1, 1, 2, 2)
    tenths = torch.tensor([[[[0.1, 0.2], [0.3, 0.4]]]])
    torch.testing.assert_close(softmax_over_places(scores), tenths)
    large = torch.full((1, 2, 7, 7), 300.0, dtype=torch.float16)
    probabilities = softmax_over_places(large)
    torch.testing.assert_close(probabilities, torch.full((1, 2, 7, 7), 1 / 49))


def test_mean_magnitude():
    values = torch.tensor([[[[1.0, -2.0]], [[-3.0, 0.0]]]])
    assert mean_magnitude(values).tolist() == [[[2.0, 1.0]]]
