"""Running a model over batches, and test-time augmentation (TTA)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from skin.data.loader import Batch


def dihedral_views(images: Tensor) -> Iterator[Tensor]:
    """Yield the 8 rotations and reflections of square images (B, 3, S, S), themselves first."""
    for turned in (images, images.transpose(2, 3)):
        for dims in ((), (2,), (3,), (2, 3)):
            yield turned.flip(dims) if dims else turned


def _one_view(images: Tensor) -> Iterator[Tensor]:
    yield images


VIEWS: dict[str, Callable[[Tensor], Iterator[Tensor]]] = {
    "none": _one_view,
    "dihedral": dihedral_views,
}


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Compute in `fp32`, `bf16` or `fp16` within the block."""
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


@torch.inference_mode()
def predict_batch(
    model: nn.Module, images: Tensor, tta: str = "none", metadata: Tensor | None = None
) -> Tensor:
    """Give log-probabilities (B, C) in float64: the log of the mean probability over the views.

    Args:
        model: gives log-probabilities for images and, where given, metadata.
        images: (B, 3, S, S).
        tta: a key of `VIEWS`.
        metadata: (B, M), the same for every view.
    """
    known = () if metadata is None else (metadata,)
    views = [model(view, *known).double() for view in VIEWS[tta](images)]
    return torch.stack(views).logsumexp(0) - math.log(len(views))


def predict(
    model: nn.Module,
    batches: Iterable[Batch],
    device: torch.device,
    *,
    metadata: Tensor | None = None,
    tta: str = "none",
    precision: str = "fp32",
) -> Tensor:
    """Give log-probabilities (N, C), float64 on the CPU, in the batches' order.

    Args:
        model: gives log-probabilities.
        batches: of uint8 images.
        device: where the model is.
        metadata: (N, M), a row for each row that a batch may name; none takes all as missing.
        tta: a key of `VIEWS`.
        precision: `fp32`, `bf16` or `fp16`.
    """
    model.eval()
    results = []
    with autocast(device, precision):
        for batch in batches:
            images = batch.images.to(device, non_blocking=True)
            known = None if metadata is None else metadata[batch.rows].to(device)
            results.append(predict_batch(model, images, tta, known).cpu())
    return torch.cat(results)
