"""What one model makes of images, each with the heatmaps that say where it looked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skin.analysis.heatmaps import (
    ATTENTION,
    EIGENCAM,
    GRADCAM,
    METHODS,
    attention_maps,
    cam,
    to_image_size,
)
from skin.analysis.map_names import map_label
from skin.analysis.overlay import write_heatmap
from skin.errors import SkinError
from skin.models.build import LesionClassifier
from skin.models.heads.hierarchical import HierarchicalHead
from skin.taxonomy import Task

ALL = "all"
BATCH = 16  # images in memory together, with all their maps


class Explained(NamedTuple):
    """What the model makes of one image.

    Attributes:
        image_id: the image.
        pixels: (S, S, 3) uint8, as the model saw it.
        probabilities: (C,) in task order, of the single model without test-time augmentation.
        target: the code of the class that the class activation maps are for.
        maps: (S, S) float32, 0 to 1, by method; zero everywhere where nothing speaks for the class.
    """

    image_id: str
    pixels: NDArray[np.uint8]
    probabilities: NDArray[np.float64]
    target: str
    maps: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Explainer:
    """One loaded model and what is asked of it.

    Attributes:
        network: in evaluation mode.
        task: what it predicts.
        methods: as `choose_methods` gives them.
        device: where the network is.
    """

    network: LesionClassifier
    task: Task
    methods: Sequence[str]
    device: torch.device

    def explain(
        self,
        image_ids: Sequence[str],
        images: Tensor,
        metadata: Tensor | None = None,
        among: NDArray[np.bool_] | None = None,
    ) -> Iterator[Explained]:
        """Explain a batch.

        Args:
            image_ids: B.
            images: (B, 3, S, S) uint8, on the CPU.
            metadata: (B, M); none if nothing is known.
            among: (B, C), the classes of which the likeliest is explained; none for all.
        """
        on_device = images.to(self.device)
        known = None if metadata is None else metadata.to(self.device)
        with torch.no_grad():
            log_probabilities = self.network(on_device, known).double().cpu()
        allowed = log_probabilities
        if among is not None:
            allowed = allowed.masked_fill(~torch.from_numpy(among), -torch.inf)
        targets = allowed.argmax(dim=1)
        maps = {
            method: to_image_size(each, images.shape[-1]).cpu().numpy()
            for method, each in self._maps(on_device, targets.to(self.device), known)
        }
        probabilities = log_probabilities.exp().numpy()
        pixels = images.permute(0, 2, 3, 1).numpy()
        for i, image_id in enumerate(image_ids):
            own = {method: each[i] for method, each in maps.items()}
            code = self.task.codes[int(targets[i])]
            yield Explained(image_id, pixels[i], probabilities[i], code, own)

    def _maps(
        self, images: Tensor, targets: Tensor, metadata: Tensor | None
    ) -> Iterator[tuple[str, Tensor]]:
        for method in self.methods:
            if method == ATTENTION:
                yield from attention_maps(self.network, images, metadata).items()
            else:
                yield method, cam(self.network, images, targets, metadata, method)


def choose_methods(asked: Sequence[str], network: LesionClassifier, name: str) -> tuple[str, ...]:
    """Say which methods are asked of a model: `all` is Grad-CAM, and its attention if it has any.

    Args:
        asked: of `METHODS`, `attention` and `all`.
        network: the model.
        name: its name, for the message.

    Raises:
        SkinError: its attention is asked for, and it has none.
    """
    has_attention = network.attention is not None or isinstance(network.head, HierarchicalHead)
    if ATTENTION in asked and not has_attention:
        raise SkinError(f"{name}: this model has no attention to show: take --method gradcam")
    chosen = []
    for method in asked:
        if method == ALL:
            chosen += [GRADCAM, ATTENTION] if has_attention else [GRADCAM]
        else:
            chosen.append(method)
    return tuple(dict.fromkeys(chosen))


def is_of_class(method: str) -> bool:
    """Whether a method's map is for a class; attention and Eigen-CAM know none."""
    return method in METHODS and method != EIGENCAM


def write_maps(folder: Path, explained: Explained) -> None:
    """Write the four files of each of an image's heatmaps, as `<image>_<method>_raw.npy`.

    Raises:
        SkinError: the folder cannot be written.
    """
    for method, heatmap in explained.maps.items():
        write_heatmap(folder, f"{explained.image_id}_{method}", heatmap, explained.pixels)


def silent(explained: Explained) -> list[str]:
    """The maps for a class that are zero everywhere, by the names that readers know."""
    return [
        map_label(method)
        for method, heatmap in explained.maps.items()
        if is_of_class(method) and not heatmap.any()
    ]
