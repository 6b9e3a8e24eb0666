"""What maps are called in reports, which are made without loading torch."""

from __future__ import annotations

from collections.abc import Mapping

_LABELS: Mapping[str, str] = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "eigencam": "Eigen-CAM",
    "attention": "own attention",
}


def map_label(name: str) -> str:
    """A map's name for readers, as `Grad-CAM`, or `own attention, level 2` of a tree."""
    level = name.removeprefix("attention")
    return f"{_LABELS['attention']}, level {level}" if level.isdigit() else _LABELS[name]
