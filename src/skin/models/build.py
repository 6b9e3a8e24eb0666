"""A variant: normalisation, backbone, attention, metadata, head."""

from __future__ import annotations

from typing import NamedTuple

import timm
import torch
from torch import Tensor, nn

from skin.config import Config
from skin.data.encode import METADATA_SIZE
from skin.errors import SkinError
from skin.models.attention import build_attention
from skin.models.backbone import build_backbone
from skin.models.heads import build_head
from skin.models.heads.hierarchical import HierarchicalHead
from skin.models.metadata import ConcatFusion, MetaBlock, hide_fields
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


class Seen(NamedTuple):
    """What a head says of images, and what it says it by.

    Attributes:
        log_probabilities: (B, C).
        logits: (B, C) float32, what the softmax is taken of; none of the hierarchical head, whose
            log-probabilities are sums of several softmaxes'.
        pooled: (B, F) features that the head takes; of the hierarchical head, which takes the map,
            the mean over its places, which its first state is made of.
    """

    log_probabilities: Tensor
    logits: Tensor | None
    pooled: Tensor

    def head(self, images: int) -> Seen:
        """The same of the first images alone."""
        logits = None if self.logits is None else self.logits[:images]
        return Seen(self.log_probabilities[:images], logits, self.pooled[:images])


class LesionClassifier(nn.Module):
    """Images, and what is known of the patient, to class log-probabilities.

    Every head gives log-probabilities, so that losses, predictions and ensembles need not know
    which head it was.

    Args:
        normalise: pixels to what the backbone knows.
        backbone: a timm model.
        attention: a block on its last feature map.
        fusion: what brings the metadata in: before the pooling (`MetaBlock`) or after it.
        head: takes pooled features; the hierarchical one takes the map.
        hidden: the share of the metadata's fields that are hidden in training.
    """

    def __init__(
        self,
        *,
        normalise: Normalise,
        backbone: nn.Module,
        attention: nn.Module | None,
        fusion: MetaBlock | ConcatFusion | None,
        head: nn.Module,
        hidden: float = 0.0,
    ) -> None:
        super().__init__()
        self.normalise = normalise
        self.backbone = backbone
        self.attention = attention
        self.fusion = fusion
        self.head = head
        self.hidden = hidden
        self.frozen = False

    def forward(
        self, images: Tensor, metadata: Tensor | None = None, targets: Tensor | None = None
    ) -> Tensor:
        """Give log-probabilities (B, C).

        Args:
            images: (B, 3, H, W) with values in 0 to 255.
            metadata: (B, M) as `encode_metadata` gives it; none if nothing is known.
            targets: class indices (B,), for heads that set a margin in training.
        """
        return self.classify(self.features(self.normalise(images)), metadata, targets)

    def features(self, images: Tensor) -> Tensor:
        """Give the last feature map (B, D, H, W), without gradients while it is frozen."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            features: Tensor = self.backbone.forward_features(images)  # type: ignore[operator]
        return features

    def classify(
        self, features: Tensor, metadata: Tensor | None = None, targets: Tensor | None = None
    ) -> Tensor:
        """Give log-probabilities (B, C) for the backbone's feature map (B, D, H, W)."""
        taken = self._taken(features, metadata)
        if isinstance(self.head, HierarchicalHead):
            return self.head(taken)  # type: ignore[no-any-return]
        return self.head(taken, targets)  # type: ignore[no-any-return]

    def see(self, images: Tensor, metadata: Tensor | None = None) -> Seen:
        """Give what `forward` gives in evaluation, bit for bit, and what it is made of."""
        taken = self._taken(self.features(self.normalise(images)), metadata)
        if isinstance(self.head, HierarchicalHead):
            return Seen(self.head(taken), None, taken.mean((2, 3)))
        logits: Tensor = self.head.logits(taken)  # type: ignore[operator]
        return Seen(logits.log_softmax(1), logits, taken)

    @torch.no_grad()
    def heatmaps(self, images: Tensor, metadata: Tensor | None = None) -> Tensor | None:
        """Give where the variant looks: (B, K, H, W), not negative; none if it has no attention.

        K is 1 for an attention block, and the tree's levels for the hierarchical head.
        """
        features = self.features(self.normalise(images))
        if isinstance(self.head, HierarchicalHead):
            known = self._known(features, metadata)
            return self.head.heatmaps(self._attended(features, known))
        if self.attention is not None:
            heatmap: Tensor = self.attention.heatmap(features)  # type: ignore[operator]
            return heatmap[:, None]
        return None

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

    def _taken(self, features: Tensor, metadata: Tensor | None) -> Tensor:
        """What the head takes: pooled features (B, F), or the hierarchical one's map."""
        known = self._known(features, metadata)
        features = self._attended(features, known)
        if isinstance(self.head, HierarchicalHead):
            return features
        pooled = self._pool(features)
        return self.fusion(pooled, known) if isinstance(self.fusion, ConcatFusion) else pooled

    def _known(self, features: Tensor, metadata: Tensor | None) -> Tensor | None:
        """What the fusion is told of the patients (B, M): nothing known is zeros."""
        if self.fusion is None:
            return None
        if metadata is None:
            return features.new_zeros(features.shape[0], METADATA_SIZE, dtype=torch.float32)
        return hide_fields(metadata, self.hidden, self.training)

    def _attended(self, features: Tensor, metadata: Tensor | None) -> Tensor:
        """The map that is pooled: under attention, then under the metadata's gate."""
        if self.attention is not None:
            features = self.attention(features)
        if isinstance(self.fusion, MetaBlock):
            features = self.fusion(features, metadata)
        return features

    def _pool(self, features: Tensor) -> Tensor:
        """(B, D, H, W) to (B, F), by the backbone's own last layers if the map fits them."""
        if _keeps_width(self.attention, self.backbone):
            return self.backbone.forward_head(features, pre_logits=True)  # type: ignore[no-any-return,operator]
        return features.mean((2, 3))


def build_model(config: Config, *, pretrained: bool = True) -> LesionClassifier:
    """Build the variant that a config names.

    Args:
        config: the experiment.
        pretrained: false leaves the backbone's weights random, to be loaded from a run's file.

    Raises:
        SkinError: an unknown name, weights that do not fit, or a backbone without the spatial map
            that the variant needs.
    """
    chosen, task = config.model, get_task(config.task)
    if not pretrained:
        chosen = chosen.model_copy(update={"pretrained": False, "weights": None})
    backbone = build_backbone(chosen, config.data.image_size)
    statistics = timm.data.resolve_model_data_config(backbone)
    attention = build_attention(chosen.attention, backbone.num_features)  # type: ignore[arg-type]
    _require_map(backbone, attention, config)
    channels: int = backbone.num_features if attention is None else attention.out_channels  # type: ignore[assignment]
    pooled: int = backbone.head_hidden_size if _keeps_width(attention, backbone) else channels  # type: ignore[assignment]
    features = channels if chosen.head.kind == "hierarchical" else pooled
    fusion: MetaBlock | ConcatFusion | None = None
    if chosen.metadata.fusion == "metablock":
        fusion = MetaBlock(channels, METADATA_SIZE)
    elif chosen.metadata.fusion == "concat":
        fusion = ConcatFusion(pooled, chosen.metadata.units, METADATA_SIZE)
        features = fusion.out_features
    return LesionClassifier(
        normalise=Normalise(chosen.mean or statistics["mean"], chosen.std or statistics["std"]),
        backbone=backbone,
        attention=attention,
        fusion=fusion,
        head=build_head(chosen.head, features, task, chosen.dropout),
        hidden=chosen.metadata.dropout,
    )


def _keeps_width(attention: nn.Module | None, backbone: nn.Module) -> bool:
    return attention is None or attention.out_channels == backbone.num_features


def _require_map(backbone: nn.Module, attention: nn.Module | None, config: Config) -> None:
    """Refuse blocks and heads that need a map where the backbone has none, or one too small."""
    needing = [(f"attention: {config.model.attention}", "attention: none")] if attention else []
    if config.model.head.kind == "hierarchical":
        needing.append(("head.kind: hierarchical", "head.kind: linear"))
    if config.model.metadata.fusion == "metablock":
        needing.append(("metadata.fusion: metablock", "metadata.fusion: concat"))
    if not needing:
        return
    asked, instead = needing[0]
    side = config.data.image_size
    training = backbone.training
    backbone.eval()
    with torch.no_grad():
        features = backbone.forward_features(torch.zeros(1, 3, side, side))  # type: ignore[operator]
    backbone.train(training)
    if features.ndim != 4 or features.shape[1] != backbone.num_features:  # noqa: PLR2004
        raise SkinError(
            f"model.{asked}: {config.model.backbone} gives features of shape "
            f"{tuple(features.shape)}, not a map (B, {backbone.num_features}, H, W); "
            f"choose a convolutional backbone or {instead}"
        )
    if attention is not None:
        attention.eval()
        with torch.no_grad():
            attention(features)  # raises for a map that is too small for it
        attention.train()
