"""timm backbones, with weights from the hub or from a local file."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
from timm.utils import freeze
from torch import nn

from skin.config import ModelConfig
from skin.errors import SkinError, first_line, name_some

_NAMED = 2  # levels of submodules that a message lists


def build_backbone(config: ModelConfig, image_size: int) -> nn.Module:
    """Build a timm model without classifier, of `config.depth` blocks, `config.freeze` held still.

    Raises:
        SkinError: timm has no such model, its weights cannot be had, a file does not fit, its
            blocks are fewer than asked for or cannot be cut, or it has nothing of a name to freeze.
    """
    backbone = _create(config, image_size)
    if config.depth is not None:
        _cut(backbone, config.depth, config.backbone)
    if config.freeze:
        _freeze(backbone, config.freeze, config.backbone)
    return backbone


def _cut(backbone: nn.Module, depth: int, name: str) -> None:
    """Keep a transformer's first `depth` blocks, under the norm and pooling of the last."""
    # Only where blocks are alike do the layers that follow fit any of them: in a convolutional
    # network a block of timm's is a stage, of its own width.
    info = getattr(backbone, "feature_info", None) or ()
    blocks = [each["module"] for each in info if each["num_chs"] == backbone.num_features]
    prune: Any = getattr(backbone, "prune_intermediate_layers", None)
    if not prune or not blocks or blocks != [f"blocks.{i}" for i in range(len(info))]:
        raise SkinError(
            f"model.depth: {name} is no stack of equal blocks that could be cut; leave it out, or "
            "choose a plain vision transformer"
        )
    if depth > len(blocks):
        raise SkinError(f"model.depth: {depth} is too many, {name} has {len(blocks)} blocks")
    prune([depth - 1], prune_norm=False, prune_head=False)


def _freeze(backbone: nn.Module, names: Sequence[str], model: str) -> None:
    """Hold submodules still, their batch statistics too, and parameters of no submodule's."""
    parameters = dict(backbone.named_parameters())
    modules = [name for name in names if name not in parameters]
    for name in names:
        if name in parameters:
            parameters[name].requires_grad = False
    try:
        if modules:  # none would mean all to timm
            freeze(backbone, modules)
    except AttributeError:
        known = [name for name, _ in backbone.named_parameters(recurse=False)]
        known += [name for name, _ in backbone.named_modules() if name and name.count(".") < _NAMED]
        raise SkinError(
            f"model.freeze: {model} does not have all of {', '.join(modules)}; "
            f"it has {name_some(known, 30)}"
        ) from None


def _create(config: ModelConfig, image_size: int) -> nn.Module:
    name = config.backbone
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        raise SkinError(f"model.backbone: timm has no model '{name}'{hint}")
    arguments: dict[str, Any] = {"num_classes": 0}
    if config.drop_path:
        arguments["drop_path_rate"] = config.drop_path
    if _takes_image_size(name):
        arguments["img_size"] = image_size
    if config.weights is not None:
        return _from_file(name, config.weights, arguments)
    if not config.pretrained:
        return timm.create_model(name, pretrained=False, **arguments)  # type: ignore[no-any-return]
    try:
        return timm.create_model(name, pretrained=True, **arguments)  # type: ignore[no-any-return]
    except (OSError, RuntimeError) as error:
        raise SkinError(
            f"cannot fetch the pretrained weights of {name} ({first_line(error)}): check the "
            "network, give a local file with --weights FILE, or train from scratch with "
            "--set model.pretrained=false"
        ) from None


def _from_file(name: str, path: Path, arguments: dict[str, Any]) -> nn.Module:
    """Build the model and load a file into it; only the file's classifier is left out."""
    if not path.is_file():
        raise SkinError(f"model.weights: no file {path}")
    model: nn.Module = timm.create_model(name, pretrained=False, **arguments)
    try:
        tensors = timm.models.load_state_dict(str(path), weights_only=True)
        # Each of timm's modules brings older files into its layout, and resizes what depends on
        # the image size, by a function of this name.
        convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
        found = model.load_state_dict(convert(tensors, model) if convert else tensors, strict=False)
    except Exception as error:  # noqa: BLE001 - each file format's reader has errors of its own
        reasons = [line.strip() for line in str(error).splitlines() if line.strip()]
        shown = name_some(reasons[1:] or reasons or [type(error).__name__], most=4)
        raise SkinError(f"the weights in {path} do not fit {name}: {shown}") from None
    head = model.pretrained_cfg["classifier"]  # type: ignore[index]
    heads = tuple(f"{layer}." for layer in ([head] if isinstance(head, str) else head or ()))
    wrong = [f"{tensor} is missing" for tensor in found.missing_keys]
    wrong += [f"{t} is not the model's" for t in found.unexpected_keys if not t.startswith(heads)]
    if wrong:
        raise SkinError(f"the weights in {path} do not fit {name}: {name_some(wrong, most=4)}")
    return model


def _takes_image_size(name: str) -> bool:
    """Whether the architecture is built for one input size, as vision transformers are."""
    entry = timm.get_pretrained_cfg(name)
    return bool(entry and entry.fixed_input_size)
