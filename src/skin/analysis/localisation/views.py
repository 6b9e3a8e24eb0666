"""Images as a fold's model is shown them, with their masks, and what maps it makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skin.analysis.heatmaps import attention_maps, cam
from skin.data.masks import Masks, evaluate_with_mask
from skin.models.build import LesionClassifier
from skin.training.held_out import HeldOut

_AT_ONCE = 16  # images held in memory together
_MOST_LESION = 0.999  # of a view: where there is nothing else, any map is inside

Maps = dict[str, NDArray[np.float64]]
"""By name, each (B, h, w): a method of class activation maps, or the model's own attention."""


@dataclass(frozen=True, eq=False)
class View:
    """Images as the model is evaluated on them, with what is known of them.

    Attributes:
        rows: (B,) of the dataset's table.
        images: (B, 3, S, S) uint8, on the device.
        masks: (B, S, S).
        metadata: (B, M), on the device; None for a model that takes none.
    """

    rows: NDArray[np.int64]
    images: Tensor
    masks: NDArray[np.bool_]
    metadata: Tensor | None

    @property
    def judged(self) -> NDArray[np.bool_]:
        """(B,) whether a map can be judged: the view shows a lesion, and more than that."""
        area = self.masks.mean(axis=(1, 2))
        judged: NDArray[np.bool_] = (area > 0) & (area <= _MOST_LESION)
        return judged

    def of_lesions(self) -> View:
        """Without the images that cannot be judged."""
        there = self.judged
        chosen = torch.from_numpy(there).to(self.images.device)
        known = None if self.metadata is None else self.metadata[chosen]
        return View(self.rows[there], self.images[chosen], self.masks[there], known)

    def predict(self, model: LesionClassifier) -> Tensor:
        """The class (B,) that the model decides for."""
        with torch.no_grad():
            return model(self.images, self.metadata).argmax(dim=1)  # type: ignore[no-any-return]

    def maps(self, model: LesionClassifier, classes: Tensor, methods: Sequence[str]) -> Maps:
        """All maps of the model: class activation maps for `classes`, and its own attention.

        Raises:
            SkinError: the backbone has no spatial feature map, or there is no such method.
        """
        maps = {
            method: cam(model, self.images, classes, self.metadata, method=method)
            for method in methods
        }
        maps |= attention_maps(model, self.images, self.metadata)
        return {name: each.double().cpu().numpy() for name, each in maps.items()}


class Views:
    """The views of a fold's images.

    Args:
        held_out: the fold.
        masks: of its images.
        device: of the views.
    """

    def __init__(self, held_out: HeldOut, masks: Masks, device: torch.device) -> None:
        self._evaluated = held_out.images()
        self._ids = held_out.dataset.table["image_id"].tolist()
        self._metadata = held_out.metadata()
        self._masks = masks
        self._device = device

    def of(self, rows: NDArray[np.int64]) -> Iterator[View]:
        """Give rows of the dataset's table in batches.

        Raises:
            SkinError: a mask is missing, damaged or of another aspect than its image.
        """
        for start in range(0, len(rows), _AT_ONCE):
            yield self._load(rows[start : start + _AT_ONCE])

    def _load(self, rows: NDArray[np.int64]) -> View:
        pairs = [self._pair(int(row)) for row in rows]
        pixels = torch.from_numpy(np.stack([image for image, _ in pairs]))
        known = None if self._metadata is None else self._metadata[rows].to(self._device)
        return View(
            rows,
            pixels.permute(0, 3, 1, 2).to(self._device),
            np.stack([mask for _, mask in pairs]),
            known,
        )

    def _pair(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        image = self._evaluated.images[row]
        mask = self._masks.for_image(self._ids[row], image)
        return evaluate_with_mask(self._evaluated.pipeline, image, mask, row)
