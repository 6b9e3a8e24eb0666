"""Loading an ensemble's models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from skin.config import Config
from skin.ensembling.ensemble import Member
from skin.errors import SkinError
from skin.files import sha256_file
from skin.models.build import LesionClassifier, build_model
from skin.runs import FoldRun
from skin.training.checkpoint import load_weights


@dataclass(frozen=True)
class LoadedMember:
    """One model, ready to predict.

    Attributes:
        network: in evaluation mode, on the device.
        config: that it was trained with.
        precision: that it was trained in.
    """

    network: LesionClassifier
    config: Config
    precision: str


def load_member(member: Member, folder: Path, device: torch.device) -> LoadedMember:
    """Load one model of the ensemble in `folder`.

    Raises:
        SkinError: its files are missing, or its weights are not those that were described.
    """
    fold = FoldRun((folder / member.folder).resolve())
    if not fold.weights.exists():
        raise SkinError(f"{fold.weights} is missing; the ensemble {folder} needs it")
    if sha256_file(fold.weights) != member.sha256:
        raise SkinError(
            f"{fold.weights} is not the file that {folder} was made with; make the ensemble again"
        )
    config = fold.config()
    model = build_model(config, pretrained=False)
    load_weights(fold.weights, model)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return LoadedMember(model.eval(), config, fold.metadata()["precision"])
