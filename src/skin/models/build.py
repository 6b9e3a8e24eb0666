"""A variant: normalisation, backbone, attention, head."""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.config import Config
from skin.errors import SkinError
from skin.models.attention import build_attention
from skin.models.backbone import build_backbone
from skin.taxonomy import get_task


class Normalise(nn.Module):
    """Pixels in 0 to 255 to the backbone's mean and standard deviation.

    It is part of the model, so that batches travel as bytes and a weights file says how its
    images are to be prepared.
    """

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("scale", (1 / (255 * torch.tensor(std))).view(-1, 1, 1))
        self.register_buffer("shift", (-torch.tensor(mean) / torch.tensor(std)).view(-1, 1, 1))
        self.scale: Tensor
        self.shift: Tensor

    def forward(self, images: Tensor) -> Tensor:
        """Normalise images (B, 3, H, W), uint8 or float in 0 to 255."""
        return torch.addcmul(self.shift, images.to(self.scale.dtype), self.scale)


class LesionClassifier(nn.Module):
    """Images to class log-probabilities.

    Every head gives log-probabilities, so that losses, predictions and ensembles need not know
    which head it was.
    """

    def __init__(
        self,
        backbone: nn.Module,
        attention: nn.Module | None,
        classes: int,
        normalise: Normalise,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.normalise = normalise
        self.backbone = backbone
        self.attention = attention
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(backbone.head_hidden_size, classes)  # type: ignore[arg-type]
        self.frozen = False
        nn.init.trunc_normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Give log-probabilities (B, C) for images (B, 3, H, W) with values in 0 to 255."""
        features = self.features(self.normalise(images))
        if self.attention is not None:
            features = self.attention(features)
        pooled = self.backbone.forward_head(features, pre_logits=True)  # type: ignore[operator]
        logits = self.classifier(self.dropout(pooled))
        return F.log_softmax(logits.float(), dim=1)

    def features(self, images: Tensor) -> Tensor:
        """Give the last feature map (B, D, H, W), without gradients while it is frozen."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            features: Tensor = self.backbone.forward_features(images)  # type: ignore[operator]
        return features

    def freeze(self, frozen: bool) -> None:
        """Hold the backbone still (its running statistics too), or let it learn."""
        self.frozen = frozen
        self.train(self.training)

    def train(self, mode: bool = True) -> LesionClassifier:
        """Set the training mode; a frozen backbone stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self


def build_model(config: Config, *, pretrained: bool = True) -> LesionClassifier:
    """Build the variant that a config names.

    Args:
        config: the experiment.
        pretrained: false leaves the backbone's weights random, to be loaded from a run's file.

    Raises:
        SkinError: an unknown name, weights that do not fit, or a backbone without a spatial map
            under an attention block.
    """
    chosen = config.model
    if not pretrained:
        chosen = chosen.model_copy(update={"pretrained": False, "weights": None})
    backbone = build_backbone(chosen, config.data.image_size)
    statistics = timm.data.resolve_model_data_config(backbone)
    attention = build_attention(chosen.attention, backbone.num_features)  # type: ignore[arg-type]
    if attention is not None:
        _require_map(backbone, config)
    return LesionClassifier(
        backbone,
        attention,
        len(get_task(config.task)),
        Normalise(statistics["mean"], statistics["std"]),
        chosen.dropout,
    )


def _require_map(backbone: nn.Module, config: Config) -> None:
    side = config.data.image_size
    training = backbone.training
    backbone.eval()
    with torch.no_grad():
        features = backbone.forward_features(torch.zeros(1, 3, side, side))  # type: ignore[operator]
    backbone.train(training)
    if features.ndim != 4 or features.shape[1] != backbone.num_features:  # noqa: PLR2004
        raise SkinError(
            f"model.attention: {config.model.backbone} gives features of shape "
            f"{tuple(features.shape)}, not a map (B, {backbone.num_features}, H, W); "
            "choose a convolutional backbone or attention: none"
        )
