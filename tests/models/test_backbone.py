from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from skin.config import Config
from skin.errors import SkinError
from skin.models.backbone import build_backbone

Variant = Callable[..., Config]


def test_the_classifier_is_left_out(variant: Variant):
    backbone = build_backbone(variant().model, 32).eval()
    assert backbone(torch.zeros(1, 3, 32, 32)).shape == (1, backbone.num_features)


def test_an_unknown_backbone_gets_near_names(variant: Variant):
    with pytest.raises(SkinError, match=r"timm has no model 'resnet5': did you mean .*resnet50"):
        build_backbone(variant("resnet5").model, 32)
    with pytest.raises(SkinError, match=r"timm has no model '%%%%'$"):
        build_backbone(variant("%%%%").model, 32)


def test_a_transformer_is_built_for_the_image_size(variant: Variant):
    backbone = build_backbone(variant("test_vit").model, 32)
    assert backbone(torch.zeros(1, 3, 32, 32)).shape == (1, 64)


def test_stochastic_depth_reaches_the_backbone(variant: Variant):
    backbone = build_backbone(variant("test_efficientnet", drop_path=0.5).model, 32)
    depths = [m.drop_prob for m in backbone.modules() if hasattr(m, "drop_prob")]
    assert max(depths) > 0.3


def test_frozen_submodules_take_no_gradient(variant: Variant):
    backbone = build_backbone(variant(freeze=["conv1", "bn1", "layer1.0"]).model, 32)
    frozen = [name for name, p in backbone.named_parameters() if not p.requires_grad]
    assert frozen
    assert {name.split(".")[0] for name in frozen} == {"conv1", "layer1"} | {
        name.split(".")[0] for name, _ in backbone.named_parameters() if name.startswith("bn1")
    }
    assert all(p.requires_grad for p in backbone.layer2.parameters())


def test_frozen_batch_statistics_stay(variant: Variant):
    backbone = build_backbone(variant(freeze=["conv1", "bn1"]).model, 32).train()
    before = {name: tensor.clone() for name, tensor in backbone.bn1.state_dict().items()}
    later = backbone.layer1.state_dict()["0.bn1.running_mean"].clone()
    backbone(torch.rand(4, 3, 32, 32))
    assert all(torch.equal(backbone.bn1.state_dict()[name], before[name]) for name in before)
    assert not torch.equal(backbone.layer1.state_dict()["0.bn1.running_mean"], later)


def test_freezing_what_is_not_there_names_what_is(variant: Variant):
    with pytest.raises(SkinError, match=r"test_resnet does not have all of conv9; it has conv1,"):
        build_backbone(variant(freeze=["conv9"]).model, 32)


def test_freezing_takes_parameters_of_no_submodule(variant: Variant):
    names = ["patch_embed", "cls_token", "pos_embed", "blocks.0"]
    backbone = build_backbone(variant("vit_tiny_patch16_224", depth=2, freeze=names).model, 64)
    backbone(torch.rand(1, 3, 64, 64)).sum().backward()
    learning = {name for name, p in backbone.named_parameters() if p.grad is not None}
    assert learning == {name for name in dict(backbone.named_parameters()) if _after(name)}
    assert all(p.requires_grad == _after(name) for name, p in backbone.named_parameters())


def _after(name: str) -> bool:
    return name.startswith(("blocks.1.", "norm."))


def test_only_parameters_may_be_frozen(variant: Variant):
    backbone = build_backbone(
        variant("vit_tiny_patch16_224", depth=1, freeze=["cls_token"]).model, 64
    )
    frozen = [name for name, p in backbone.named_parameters() if not p.requires_grad]
    assert frozen == ["cls_token"]


def test_what_may_be_frozen_names_parameters(variant: Variant):
    with pytest.raises(SkinError, match=r"test_vit does not have all of cls; it has cls_token, "):
        build_backbone(variant("test_vit", freeze=["pos_embed", "cls"]).model, 32)


def test_depth_keeps_the_first_blocks_and_the_norm(variant: Variant):
    torch.manual_seed(0)
    whole = build_backbone(variant("test_vit").model, 32).eval()
    cut = build_backbone(variant("test_vit", depth=2).model, 32).eval()
    kept = {name: t for name, t in whole.state_dict().items() if name in cut.state_dict()}
    cut.load_state_dict(kept)  # no tensor is missing and none is new
    assert len(cut.blocks) == 2
    images = torch.rand(2, 3, 32, 32)
    whole.blocks = whole.blocks[:2]
    assert torch.equal(cut(images), whole(images))


def test_depth_cuts_after_the_weights_are_loaded(variant: Variant, tmp_path: Path):
    torch.manual_seed(1)
    source = timm.create_model("test_vit", img_size=32)
    save_file(source.state_dict(), tmp_path / "w.safetensors")
    weights = str(tmp_path / "w.safetensors")
    cut = build_backbone(variant("test_vit", depth=3, weights=weights).model, 32).eval()
    source.eval().blocks = source.blocks[:3]
    images = torch.rand(2, 3, 32, 32)
    features = source.forward_head(source.forward_features(images), pre_logits=True)
    assert torch.equal(cut.forward_head(cut.forward_features(images), pre_logits=True), features)


def test_a_depth_of_all_blocks_changes_nothing(variant: Variant):
    backbone = build_backbone(variant("test_vit", depth=6).model, 32)
    assert len(backbone.blocks) == 6


def test_a_depth_beyond_the_blocks(variant: Variant):
    with pytest.raises(SkinError, match=r"model\.depth: 7 is too many, test_vit has 6 blocks"):
        build_backbone(variant("test_vit", depth=7).model, 32)
    with pytest.raises(SkinError, match=r"'model\.depth' is 0: .*greater than 0"):
        variant("test_vit", depth=0)


@pytest.mark.parametrize(
    "name", ["test_resnet", "test_efficientnet", "swin_tiny_patch4_window7_224"]
)
def test_depth_wants_equal_blocks(variant: Variant, name: str):
    with pytest.raises(SkinError, match=rf"model\.depth: {name} is no stack of equal blocks"):
        build_backbone(variant(name, depth=2).model, 224)


@pytest.fixture
def source() -> torch.nn.Module:
    """A backbone with its classifier, as weights files hold it."""
    torch.manual_seed(1)
    return timm.create_model("test_resnet", pretrained=False)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_local_file_is_loaded(
    variant: Variant, source: torch.nn.Module, tmp_path: Path, suffix: str
):
    path = tmp_path / f"weights.{suffix}"
    if suffix == "pth":
        torch.save(source.state_dict(), path)
    else:
        save_file(source.state_dict(), path)
    backbone = build_backbone(variant(pretrained=True, weights=str(path)).model, 32)
    expected = source.state_dict()
    loaded = backbone.state_dict()
    assert set(loaded) == {name for name in expected if not name.startswith("fc.")}
    assert all(torch.equal(loaded[name], expected[name]) for name in loaded)


def test_weights_of_another_shape_name_the_tensors(
    variant: Variant, source: torch.nn.Module, tmp_path: Path
):
    name = next(name for name in source.state_dict() if name.startswith("layer2"))
    save_file(source.state_dict() | {name: torch.zeros(1, 2)}, tmp_path / "w.safetensors")
    with pytest.raises(SkinError, match=rf"do not fit test_resnet: .*{name}"):
        build_backbone(variant(weights=str(tmp_path / "w.safetensors")).model, 32)


def test_weights_that_lack_a_tensor_name_it(
    variant: Variant, source: torch.nn.Module, tmp_path: Path
):
    tensors = source.state_dict()
    del tensors["bn1.weight"]
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(SkinError, match=r"do not fit test_resnet: .*bn1\.weight"):
        build_backbone(variant(weights=str(tmp_path / "w.safetensors")).model, 32)


def test_weights_of_another_architecture_are_refused(variant: Variant, tmp_path: Path):
    save_file(timm.create_model("test_vit").state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(SkinError, match="do not fit test_resnet"):
        build_backbone(variant(weights=str(tmp_path / "w.safetensors")).model, 32)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_file_that_holds_no_weights(variant: Variant, tmp_path: Path, name: str):
    (tmp_path / name).write_text("not weights")
    with pytest.raises(SkinError, match=rf"{name} do not fit test_resnet"):
        build_backbone(variant(weights=str(tmp_path / name)).model, 32)


def test_a_weights_file_that_is_not_there(variant: Variant, tmp_path: Path):
    with pytest.raises(SkinError, match=r"model.weights: no file"):
        build_backbone(variant(weights=str(tmp_path / "w.safetensors")).model, 32)


def test_a_hub_that_cannot_be_reached_says_what_to_do(
    variant: Variant, monkeypatch: pytest.MonkeyPatch
):
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host\nand more")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(SkinError, match=r"\(no route to host\).*--weights FILE"):
        build_backbone(variant(pretrained=True).model, 32)
