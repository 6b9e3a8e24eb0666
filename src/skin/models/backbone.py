"""timm backbones, with weights from the hub or from a local file."""

from __future__ import annotations

import difflib
import logging
from typing import Any

import timm
from timm.utils import freeze
from torch import nn

from skin.config import ModelConfig
from skin.errors import SkinError, name_some

_NAMED = 2  # levels of submodules that a message lists


def build_backbone(config: ModelConfig, image_size: int) -> nn.Module:
    """Build a timm model without classifier; the submodules of `config.freeze` never learn.

    Raises:
        SkinError: timm has no such model, its weights cannot be had, a file does not fit, or the
            model has no submodule of a name to freeze.
    """
    backbone = _create(config, image_size)
    if config.freeze:
        # Batch statistics of frozen layers stay those of the pretraining, too.
        try:
            freeze(backbone, list(config.freeze))
        except AttributeError:
            known = [
                name for name, _ in backbone.named_modules() if name and name.count(".") < _NAMED
            ]
            raise SkinError(
                f"model.freeze: {config.backbone} does not have all of "
                f"{', '.join(config.freeze)}; it has {name_some(known, 30)}"
            ) from None
    return backbone


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
        return _from_file(name, config, arguments)
    if not config.pretrained:
        return timm.create_model(name, pretrained=False, **arguments)  # type: ignore[no-any-return]
    try:
        return timm.create_model(name, pretrained=True, **arguments)  # type: ignore[no-any-return]
    except (OSError, RuntimeError) as error:
        raise SkinError(
            f"cannot fetch the pretrained weights of {name} ({_first_line(error)}): check the "
            "network, give a local file with --weights FILE, or train from scratch with "
            "--set model.pretrained=false"
        ) from None


def _from_file(name: str, config: ModelConfig, arguments: dict[str, Any]) -> nn.Module:
    path = config.weights
    if path is None or not path.is_file():
        raise SkinError(f"model.weights: no file {path}")
    overlay = {"file": str(path)}
    try:
        return timm.create_model(  # type: ignore[no-any-return]
            name, pretrained=True, pretrained_cfg_overlay=overlay, **arguments
        )
    except Exception as error:
        logging.getLogger(__name__).debug("loading %s", path, exc_info=True)
        reasons = [line.strip() for line in str(error).splitlines() if line.strip()]
        shown = name_some(reasons[1:] or reasons or [type(error).__name__], most=4)
        raise SkinError(f"the weights in {path} do not fit {name}: {shown}") from None


def _takes_image_size(name: str) -> bool:
    """Whether the architecture is built for one input size, as vision transformers are."""
    entry = timm.get_pretrained_cfg(name)
    return bool(entry and entry.fixed_input_size)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
