"""Heads: features to class log-probabilities.

The hierarchical head takes the feature map (B, D, H, W), the others pooled features (B, F), and
give their logits, too.
"""

from __future__ import annotations

from torch import nn

from skin.config import HeadConfig
from skin.models.heads.arc_margin import ArcMarginHead
from skin.models.heads.hierarchical import HierarchicalHead
from skin.models.heads.linear import LinearHead
from skin.taxonomy import Task


def build_head(config: HeadConfig, features: int, task: Task, dropout: float) -> nn.Module:
    """Build the head of that kind.

    Args:
        config: the kind and its numbers.
        features: channels of what it takes.
        task: the classes, and their tree.
        dropout: before the classifier.
    """
    match config.kind:
        case "linear":
            return LinearHead(features, len(task), dropout)
        case "multi_sample":
            return LinearHead(features, len(task), dropout, samples=config.samples)
        case "arc_margin":
            return ArcMarginHead(features, len(task), dropout, config.scale, config.margin)
        case "hierarchical":
            return HierarchicalHead(
                features,
                task.tree,
                units=config.units,
                label_units=config.label_units,
                dropout=dropout,
                decoding=config.decoding,
            )
