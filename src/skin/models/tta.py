"""The views of test-time augmentation (TTA), made of batches of tensors.

An image is read and decoded once, whatever the number of its views.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.views import Crop, Tta


def views(images: Tensor, tta: Tta) -> Iterator[Tensor]:
    """Yield `len(tta)` batches of the size of `images` (B, 3, S, S), each of one view.

    The first one is `images` itself, unless only crops are asked for. Values stay in 0 to 255;
    what is enlarged is float32, where rounding to bytes would lose something.
    """
    for crop in tta.frames:
        framed = _framed(images, crop)
        if tta.dihedral:
            yield from _dihedral(framed)
        else:
            yield framed


def _dihedral(images: Tensor) -> Iterator[Tensor]:
    """Yield the 8 rotations and reflections of images (B, 3, S, S), themselves first."""
    for turned in (images, images.transpose(2, 3)):
        for dims in ((), (2,), (3,), (2, 3)):
            yield turned.flip(dims) if dims else turned


def _framed(images: Tensor, crop: Crop) -> Tensor:
    """Cut the crop out of images (B, 3, S, S) and enlarge it to their size.

    Bilinear, as the training's crops are by default. Enlarging needs no antialiasing.
    """
    side = images.shape[-1]
    top, left, size = crop.box(side)
    if size == side:
        return images
    part = images[..., top : top + size, left : left + size].float()
    return F.interpolate(part, size=(side, side), mode="bilinear", align_corners=False)
