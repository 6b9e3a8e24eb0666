from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from skin.data.encode import METADATA_FIELDS, METADATA_SIZE
from skin.models.metadata import ConcatFusion, MetaBlock, hide_fields

B, D, H, W, UNITS = 3, 8, 2, 5, 4


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def features() -> Tensor:
    return torch.randn(B, D, H, W, generator=seeded(0))


def pooled() -> Tensor:
    return torch.randn(B, D, generator=seeded(1))


def metadata(rows: int = B) -> Tensor:
    """Every field is known: no field is all zeros."""
    return torch.rand(rows, METADATA_SIZE, generator=seeded(2)) + 0.01


def concat() -> nn.Module:
    torch.manual_seed(3)
    return ConcatFusion(D, UNITS, METADATA_SIZE)


def metablock() -> nn.Module:
    torch.manual_seed(4)
    return MetaBlock(D, METADATA_SIZE)


BLOCKS = [(concat, pooled), (metablock, features)]
both = pytest.mark.parametrize(("build", "image"), BLOCKS, ids=["concat", "metablock"])
Build = Callable[[], nn.Module]
Image = Callable[[], Tensor]


def test_the_equation_of_concatenation():
    block = concat()
    weight, bias = block.parameters()
    x, m = pooled(), metadata()
    expected = torch.cat([x, (m @ weight.T + bias).clamp(min=0)], dim=1)
    torch.testing.assert_close(block(x, m), expected)
    assert block.out_features == D + UNITS == expected.shape[1]


def test_the_equation_of_the_metablock():
    """V' = sigmoid(tanh(f(m) * V) + g(m)), one f and one g a channel."""
    block = metablock()
    f_weight, f_bias, g_weight, g_bias = block.parameters()
    v, m = features(), metadata()
    gated = block(v, m)
    assert gated.shape == v.shape
    f, g = m @ f_weight.T + f_bias, m @ g_weight.T + g_bias
    for b, d, h, w in np.ndindex(B, D, H, W):
        expected = torch.sigmoid(torch.tanh(f[b, d] * v[b, d, h, w]) + g[b, d])
        torch.testing.assert_close(gated[b, d, h, w], expected)


def test_without_metadata_a_new_metablock_keeps_the_features_order():
    v = features()
    gated = metablock()(v, torch.zeros(B, METADATA_SIZE))
    torch.testing.assert_close(gated, torch.sigmoid(torch.tanh(v)))


@both
def test_without_metadata_the_result_is_finite_and_independent_of_the_batch(
    build: Build, image: Image
):
    block, x = build().train(), image()
    nothing = torch.zeros(B, METADATA_SIZE)
    assert block(x, nothing).isfinite().all()
    torch.testing.assert_close(block(x[:1], nothing[:1]), block(x, nothing)[:1])
    some = torch.cat([nothing[:1], metadata(B - 1)])
    torch.testing.assert_close(block(x, some)[:1], block(x, nothing)[:1])


@both
def test_gradients_reach_the_image_and_every_weight(build: Build, image: Image):
    block, x = build(), image().requires_grad_()
    block(x, metadata()).square().sum().backward()
    for tensor in (x, *block.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
        assert tensor.grad.any()


@both
def test_bf16_is_near(build: Build, image: Image):
    block, x, m = build(), image(), metadata()
    with torch.autocast("cpu", torch.bfloat16):
        rough = block(x, m)
    torch.testing.assert_close(rough.float(), block(x, m), rtol=0.02, atol=0.02)


@both
def test_it_compiles_in_one_piece(build: Build, image: Image):
    class Hiding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = build()

        def forward(self, x: Tensor, m: Tensor) -> Tensor:
            shown: Tensor = self.block(x, hide_fields(m, 0.5, self.training))
            return shown

    module, x, m = Hiding(), image(), metadata()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    assert compiled(x, m).shape == module(x, m).shape
    torch.testing.assert_close(compiled.eval()(x, m), module.eval()(x, m))


@both
def test_onnx_says_the_same(build: Build, image: Image, tmp_path: Path):
    block, x, m = build().eval(), image(), metadata()
    path = tmp_path / "block.onnx"
    torch.onnx.export(block, (x, m), path, input_names=["x", "m"], dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": x.numpy(), "m": m.numpy()})
    np.testing.assert_allclose(result, block(x, m).detach().numpy(), rtol=1e-4, atol=1e-6)


def test_fields_are_hidden_whole_and_each_on_its_own():
    m = metadata(600)
    torch.manual_seed(5)
    shown = hide_fields(m, 0.3, training=True)
    hidden = torch.stack(
        [(shown[:, columns] == 0).all(1) for columns in METADATA_FIELDS.values()], dim=1
    )
    for i, columns in enumerate(METADATA_FIELDS.values()):
        kept = ~hidden[:, i]
        torch.testing.assert_close(shown[kept, columns], m[kept, columns], rtol=0, atol=0)
    assert hidden.float().mean(0).tolist() == pytest.approx([0.3] * 3, abs=0.06)
    assert hidden.all(1).float().mean() == pytest.approx(0.3**3, abs=0.02)


def test_the_seed_decides_what_is_hidden():
    m = metadata()
    draws = []
    for _ in range(2):
        torch.manual_seed(6)
        draws.append(hide_fields(m, 0.5, training=True))
    assert torch.equal(*draws)


@given(st.floats(0, 1))
def test_nothing_is_hidden_outside_of_training(probability: float):
    m = metadata()
    assert torch.equal(hide_fields(m, probability, training=False), m)


def test_the_extreme_probabilities():
    m = metadata()
    assert torch.equal(hide_fields(m, 0.0, training=True), m)
    assert not hide_fields(m, 1.0, training=True).any()
