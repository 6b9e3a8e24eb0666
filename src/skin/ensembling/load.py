"""Loading an ensemble's models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from skin.config import Config
from skin.ensembling.ensemble import CONFIG, Member
from skin.errors import SkinError
from skin.files import sha256_file
from skin.models.build import LesionClassifier, build_model
from skin.models.outliers import FeatureStatistics
from skin.runs import FoldRun
from skin.training.checkpoint import load_weights
from skin.training.outliers import FEATURES, load_statistics


@dataclass(frozen=True)
class LoadedMember:
    """One model, ready to predict.

    Attributes:
        network: in evaluation mode, on the device.
        config: that it was trained with.
        precision: that it was trained in.
        features: where the classes lie in its features, on the device, if the ensemble needs it.
    """

    network: LesionClassifier
    config: Config
    precision: str
    features: FeatureStatistics | None = None


def load_member(
    member: Member, folder: Path, device: torch.device, *, classes: Sequence[str]
) -> LoadedMember:
    """Load one model of the ensemble in `folder`.

    Args:
        member: the model.
        folder: the ensemble's.
        device: where the model is to be.
        classes: the ensemble's, in order.

    Raises:
        SkinError: its files are missing, its weights or config are not those that were described,
            or it predicts other classes.
    """
    fold = FoldRun((folder / member.folder).resolve())
    _require_same(fold.weights, member.sha256, folder)
    _require_same(fold.folder / CONFIG, member.config_sha256, folder)
    metadata = fold.metadata()
    own = metadata.get("classes")
    if own != list(classes):
        raise SkinError(
            f"{fold.folder / 'metadata.json'}: the model's classes are {own}, those of {folder} "
            f"are {list(classes)}; make the ensemble again, of models of the same classes"
        )
    config = fold.config()
    model = build_model(config, pretrained=False)
    load_weights(fold.weights, model)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    features = None
    if member.features_sha256 is not None:
        _require_same(fold.folder / FEATURES, member.features_sha256, folder)
        features = load_statistics(fold).to(device)
    return LoadedMember(model.eval(), config, metadata["precision"], features)


def _require_same(path: Path, sha256: str, folder: Path) -> None:
    """Check that a file is there, and that it is the one that the ensemble in `folder` has."""
    if not path.exists():
        raise SkinError(f"{path} is missing; the ensemble {folder} needs it")
    if sha256_file(path) != sha256:
        raise SkinError(
            f"{path} is not the file that {folder} was made with; make the ensemble again"
        )
