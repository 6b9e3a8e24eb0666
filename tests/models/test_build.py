from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.config import Config, parse_config
from skin.data.encode import METADATA_SIZE
from skin.errors import SkinError
from skin.models.attention import ATTENTION
from skin.models.build import LesionClassifier, Normalise, build_model

Variant = Callable[..., Config]
# One of each kind: residual, inverted residual, a head with layers of its own, normaliser-free.
CONVOLUTIONAL = ["test_resnet", "test_efficientnet", "mobilenetv3_small_050", "test_convnext"]
VARIANTS = [(name, block) for name in CONVOLUTIONAL for block in ("none", *ATTENTION)]
HEADS = ["linear", "multi_sample", "arc_margin", "hierarchical"]
FUSIONS = ["none", "concat", "metablock"]


def test_normalise_by_hand():
    normalise = Normalise((0.5, 0.25, 0.0), (0.5, 0.25, 1.0))
    images = torch.tensor([0.0, 51.0, 255.0]).expand(1, 3, 1, 3)
    expected = torch.tensor([[-1.0, -0.6, 1.0], [-1.0, -0.2, 3.0], [0.0, 0.2, 1.0]])
    torch.testing.assert_close(normalise(images)[0, :, 0], expected)


@pytest.mark.parametrize(("backbone", "block"), [*VARIANTS, ("test_vit", "none")])
def test_every_variant_gives_log_probabilities(
    variant: Variant, images: Tensor, backbone: str, block: str
):
    model = build_model(variant(backbone, attention=block)).eval()
    with torch.inference_mode():
        output = model(images)
        assert output.shape == (3, 7)
        assert output.dtype == torch.float32
        torch.testing.assert_close(output.exp().sum(1), torch.ones(3))
        assert torch.equal(output, model(images.float())), "bytes and floats are the same images"
        swapped = images.to(memory_format=torch.channels_last)
        torch.testing.assert_close(model(swapped), output, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(m, torch.jit.ScriptModule) for m in model.modules())


def test_channels_last_weights_give_the_same(variant: Variant, images: Tensor):
    model = build_model(variant(attention="se")).eval()
    other = copy.deepcopy(model).to(memory_format=torch.channels_last)
    torch.testing.assert_close(other(images), model(images), rtol=1e-4, atol=1e-5)


def test_autocast_still_gives_float32(variant: Variant, images: Tensor):
    model = build_model(variant()).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(images)
    assert output.dtype == torch.float32
    torch.testing.assert_close(output.exp().sum(1), torch.ones(3))


def test_a_new_model_knows_nothing(variant: Variant, images: Tensor):
    model = build_model(variant()).eval()
    shares = model(images).exp()
    torch.testing.assert_close(shares, torch.full_like(shares, 1 / 7), atol=0.1, rtol=0)


def test_attention_works_on_the_last_map(variant: Variant, images: Tensor):
    torch.manual_seed(0)
    model = build_model(variant(attention="se")).eval()
    assert model.attention is not None
    seen: list[torch.Size] = []
    model.attention.register_forward_hook(lambda _m, _i, output: seen.append(output.shape))
    with_block = model(images)
    assert seen == [(3, 96, 2, 2)]
    model.attention = None
    assert not torch.equal(model(images), with_block)


def test_the_statistics_are_in_the_state(variant: Variant):
    model = build_model(variant())
    assert {"normalise.scale", "normalise.shift"} <= set(model.state_dict())


def test_weights_of_a_run_need_no_pretrained_file(variant: Variant, tmp_path: Path):
    config = variant(pretrained=True, weights=str(tmp_path / "gone.pth"))
    assert isinstance(build_model(config, pretrained=False), LesionClassifier)
    with pytest.raises(SkinError, match="no file"):
        build_model(config)


def state(model: torch.nn.Module, part: str) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items() if k.startswith(part)}


def learn(model: LesionClassifier, images: Tensor) -> None:
    """One step of plain gradient descent on everything that got a gradient."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    model(images)[:, 0].sum().neg().backward()
    optimizer.step()


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_a_frozen_backbone_keeps_weights_and_statistics(variant: Variant, images: Tensor):
    model = build_model(variant(attention="se")).train()
    model.freeze(frozen=True)
    backbone, head = state(model, "backbone."), state(model, "head.")
    learn(model, images)
    assert changed(backbone, state(model, "backbone.")) == set()
    assert changed(head, state(model, "head.")) == {
        "head.classifier.weight",
        "head.classifier.bias",
    }
    assert any(p.grad is not None and p.grad.any() for p in model.attention.parameters())  # type: ignore[union-attr]


def test_freezing_lasts_over_train_and_ends(variant: Variant, images: Tensor):
    model = build_model(variant())
    model.freeze(frozen=True)
    model.eval()
    model.train()
    assert not model.backbone.training
    assert model.training
    model.freeze(frozen=False)
    assert model.backbone.training
    before = state(model, "backbone.")
    learn(model, images)
    assert {"backbone.conv1.0.weight", "backbone.conv1.weight"} & changed(
        before, state(model, "backbone.")
    )


def test_submodules_of_the_config_never_learn(variant: Variant, images: Tensor):
    model = build_model(variant(freeze=["conv1", "bn1", "layer1"])).train()
    before = state(model, "backbone.")
    learn(model, images)
    touched = {name.split(".")[1] for name in changed(before, state(model, "backbone."))}
    assert touched == {"layer2", "layer3", "layer4"}


def test_dropout_is_before_the_classifier_and_off_in_evaluation(variant: Variant, images: Tensor):
    model = build_model(variant(dropout=0.5))
    assert model.head.dropout.p == 0.5
    model.eval()
    assert torch.equal(model(images), model(images))


def test_an_attention_block_needs_a_map(variant: Variant):
    with pytest.raises(
        SkinError, match=r"test_vit gives features of shape \(1, 17, 64\), not a map"
    ):
        build_model(variant("test_vit", attention="se"))


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"head": {"kind": "hierarchical"}}, "model.head.kind: hierarchical"),
        ({"metadata": {"fusion": "metablock"}}, "model.metadata.fusion: metablock"),
    ],
)
def test_so_do_other_parts(variant: Variant, keys: dict[str, object], named: str):
    with pytest.raises(SkinError, match=named):
        build_model(variant("test_vit", **keys))


def test_metadata_beside_a_vector_need_no_map(variant: Variant, images: Tensor):
    model = build_model(variant("test_vit", metadata={"fusion": "concat"})).eval()
    assert model(images).shape == (3, 7)


def test_a_map_too_small_for_a_block_is_refused(variant: Variant):
    small = variant(attention="soft")
    small = small.model_copy(update={"data": small.data.model_copy(update={"image_size": 32})})
    with pytest.raises(SkinError, match=r"data\.image_size"):
        build_model(small)


def test_pixels_from_minus_1_to_1(variant: Variant):
    normalise = build_model(variant(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])).normalise
    ends = torch.tensor([0.0, 255.0]).expand(1, 3, 1, 2)
    torch.testing.assert_close(normalise(ends), torch.tensor([-1.0, 1.0]).expand(1, 3, 1, 2))


def metadata_of(images: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(len(images), METADATA_SIZE, generator=generator)


COMBINED = [
    (block, head, fusion)
    for block in ("none", *ATTENTION)
    for head in HEADS
    for fusion in FUSIONS
    if (head, fusion) != ("hierarchical", "concat")
]


@pytest.mark.parametrize(("block", "head", "fusion"), COMBINED)
def test_every_combination_learns_everywhere(
    variant: Variant, images: Tensor, block: str, head: str, fusion: str
):
    model = build_model(
        variant(
            attention=block,
            head={"kind": head, "units": 16},
            metadata={"fusion": fusion},
            dropout=0.1,
        )
    )
    targets = torch.tensor([0, 3, 6])
    output = model(images, metadata_of(images), targets)
    assert output.shape == (3, 7)
    F.nll_loss(output, targets).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None]
    assert still == []


@pytest.mark.parametrize("fusion", ["concat", "metablock"])
def test_metadata_matter_and_none_is_all_missing(variant: Variant, images: Tensor, fusion: str):
    model = build_model(variant(metadata={"fusion": fusion})).eval()
    missing = torch.zeros(len(images), METADATA_SIZE)
    assert torch.equal(model(images), model(images, missing))
    assert not torch.equal(model(images), model(images, metadata_of(images)))


@pytest.mark.parametrize(
    ("keys", "shape"),
    [
        ({"attention": "cbam"}, (3, 1, 2, 2)),
        ({"head": {"kind": "hierarchical", "units": 16}}, (3, 3, 2, 2)),
        ({"attention": "se", "head": {"kind": "hierarchical", "units": 16}}, (3, 3, 2, 2)),
    ],
)
def test_heatmaps(
    variant: Variant, images: Tensor, keys: dict[str, object], shape: tuple[int, ...]
):
    heatmaps = build_model(variant(**keys)).eval().heatmaps(images)
    assert heatmaps is not None
    assert heatmaps.shape == shape
    assert (heatmaps >= 0).all()


def test_without_attention_there_is_no_heatmap(variant: Variant, images: Tensor):
    assert build_model(variant()).eval().heatmaps(images) is None


def test_unknown_names_get_near_ones(variant: Variant):
    with pytest.raises(SkinError, match=r"model.attention: unknown block 'sea': did you mean 'se'"):
        build_model(variant(attention="sea"))
    config = parse_config({"task": "isic2081", "model": {"pretrained": False}}, "test")
    config = config.model_copy(update={"model": variant().model})
    with pytest.raises(SkinError, match="unknown task 'isic2081'"):
        build_model(config)
