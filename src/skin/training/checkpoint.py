"""Checkpoints: all that a training needs to go on as if it had never stopped."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from skin.errors import SkinError, first_line, name_some
from skin.files import replacing

# What torch raises on files that are no checkpoint.
_DAMAGED = (RuntimeError, EOFError, OSError, ValueError, LookupError, pickle.UnpicklingError)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values; a kill or a full disk leaves the file that was there.

    Raises:
        SkinError: the file cannot be written.
    """
    with replacing(path) as temporary:
        try:
            torch.save(state, temporary)
        except RuntimeError as error:  # how torch says that the disk is full
            raise OSError(first_line(error)) from error


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint, or give none if there is none. Nothing in the file is executed.

    Raises:
        SkinError: the file is damaged.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        raise SkinError(
            f"the checkpoint {path} is damaged ({first_line(error)}); "
            "delete it or train with --restart"
        ) from None
    return state


def save_weights(path: Path, model: nn.Module) -> None:
    """Write a model's weights as safetensors."""
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary)
        except SafetensorError as error:
            raise OSError(first_line(error)) from error


def load_weights(path: Path, model: nn.Module) -> None:
    """Load a weights file into a model of the same variant.

    Raises:
        SkinError: the file is missing or damaged, or its tensors are not the model's.
    """
    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise SkinError(f"no weights at {path}") from None
    except (SafetensorError, OSError) as error:
        raise SkinError(f"{path} is not a safetensors file: {error}") from None
    own = model.state_dict()
    wrong = [
        *(f"{name} is missing" for name in own.keys() - tensors.keys()),
        *(f"{name} is not the model's" for name in tensors.keys() - own.keys()),
        *(
            f"{name} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}"
            for name in own.keys() & tensors.keys()
            if tensors[name].shape != own[name].shape
        ),
    ]
    if wrong:
        raise SkinError(f"{path} does not fit the model: {name_some(sorted(wrong))}")
    model.load_state_dict(tensors)
