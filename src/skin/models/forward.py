"""Running a model over batches, and over the views of test-time augmentation (TTA)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice

import torch
from torch import Tensor, nn

from skin.data.loader import Batch
from skin.models.build import LesionClassifier, Seen
from skin.models.tta import views
from skin.views import Tta

# Of one forward: 64 images at 224 pixels, the default batch of an evaluation.
_MOST_PIXELS = 64 * 224**2


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Compute in `fp32`, `bf16` or `fp16` within the block."""
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


@torch.inference_mode()
def predict_batch(
    model: nn.Module, images: Tensor, tta: str | Tta = "none", metadata: Tensor | None = None
) -> Tensor:
    """Give log-probabilities (B, C) in float64, averaged over the views.

    The average is the log of the mean probability. With `logit` it is the mean log-probability,
    normalised, which is the log of the normalised geometric mean of the probabilities: a view that
    rules a class out weighs more then.

    Args:
        model: gives log-probabilities for images and, where given, metadata.
        images: (B, 3, S, S).
        tta: the views, or their text; see `Tta`.
        metadata: (B, M), the same for every view.

    Raises:
        SkinError: the text names no views.
    """
    tta = Tta.parse(tta) if isinstance(tta, str) else tta
    results: list[Tensor] = []
    for shown, known, count in _shown(images, tta, metadata):
        results += model(shown, *known).double().chunk(count)
    return _average(results, tta)


@torch.inference_mode()
def see_batch(
    model: LesionClassifier,
    images: Tensor,
    tta: str | Tta = "none",
    metadata: Tensor | None = None,
) -> tuple[Tensor, Seen]:
    """Give what `predict_batch` gives, and what the model sees in the images as they are.

    The second is of the images alone, whatever the views are, as outlier scores are. It costs
    nothing but where the views are crops only, which takes one more pass.

    Args:
        model: in evaluation mode.
        images: (B, 3, S, S).
        tta: the views, or their text; see `Tta`.
        metadata: (B, M), the same for every view.

    Raises:
        SkinError: the text names no views.
    """
    tta = Tta.parse(tta) if isinstance(tta, str) else tta
    results: list[Tensor] = []
    first: Seen | None = None
    for shown, known, count in _shown(images, tta, metadata):
        seen = model.see(shown, *known)
        results += seen.log_probabilities.double().chunk(count)
        if first is None:  # the first view's images stand first
            first = seen.head(len(images))
    if first is None or tta.frames[0].share < 1:  # no view is the whole image
        first = model.see(images, *(() if metadata is None else (metadata,)))
    return _average(results, tta), first


def _shown(
    images: Tensor, tta: Tta, metadata: Tensor | None
) -> Iterator[tuple[Tensor, tuple[Tensor, ...], int]]:
    """Yield what goes through the model together: views, their metadata, how many views."""
    # Few images do not fill a device, so several of their views go through the model together.
    together = max(1, _MOST_PIXELS // max(1, images[:, 0].numel()))
    for group in _groups(views(images, tta), together):
        known = () if metadata is None else (metadata.repeat(len(group), 1),)
        yield torch.cat(group) if len(group) > 1 else group[0], known, len(group)


def _average(results: list[Tensor], tta: Tta) -> Tensor:
    each = torch.stack(results)
    if tta.logit:
        return each.mean(0).log_softmax(1)
    return each.logsumexp(0) - math.log(len(tta))


def _groups(items: Iterable[Tensor], size: int) -> Iterator[list[Tensor]]:
    """Yield the items in lists of `size`, the last one shorter."""
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group


def predict(
    model: nn.Module,
    batches: Iterable[Batch],
    device: torch.device,
    *,
    metadata: Tensor | None = None,
    tta: str | Tta = "none",
    precision: str = "fp32",
) -> Tensor:
    """Give log-probabilities (N, C), float64 on the CPU, in the batches' order.

    Args:
        model: gives log-probabilities.
        batches: of uint8 images.
        device: where the model is.
        metadata: (N, M), a row for each row that a batch may name; none takes all as missing.
        tta: the views, or their text; see `Tta`.
        precision: `fp32`, `bf16` or `fp16`.

    Raises:
        SkinError: the text names no views.
    """
    tta = Tta.parse(tta) if isinstance(tta, str) else tta
    model.eval()
    results = []
    with autocast(device, precision):
        for batch in batches:
            images = batch.images.to(device, non_blocking=True)
            known = None if metadata is None else metadata[batch.rows].to(device)
            results.append(predict_batch(model, images, tta, known).cpu())
    return torch.cat(results)
