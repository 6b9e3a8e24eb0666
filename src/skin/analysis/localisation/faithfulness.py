"""Does the model's answer hang on what the heatmap shows? Deletion and insertion curves.

Petsiuk et al. 2018 (RISE, arXiv 1806.07421, section 4.2): the probability of the predicted class
as pixels are taken away in the map's order (it should fall at once: a small area under the curve),
and as they are put into an image without them (it should rise at once: a large area).

Deviates from the paper: pixels that are not there are those of a blurred image, in both curves,
where the paper deletes to grey; whole cells of the map are taken, as no order within a cell is the
map's own; and each curve stands beside that of a random order of the same cells, since the areas
alone also tell how sure a model is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses
from torchvision.transforms.v2 import functional as transforms

from skin.analysis.localisation.settings import BLUR_SIGMA, STEPS
from skin.models.build import LesionClassifier

_REACH = 3  # of the blur's kernel, in standard deviations


class Curves(NamedTuple):
    """The predicted class's probability as cells are taken, one image an order.

    Attributes:
        shares: (K + 1,) of the cells that were taken, 0 to 1.
        deletion: (B, K + 1), with these blurred.
        insertion: (B, K + 1), with all but these blurred.
    """

    shares: NDArray[np.float64]
    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]


def area_under(shares: NDArray[np.float64], curve: NDArray[np.float64]) -> float:
    """The area under a curve (K + 1,) by the trapezoidal rule, 0 to 1."""
    return float(np.trapezoid(curve, shares))


def rank_cells(maps: NDArray[np.float64], rngs: list[np.random.Generator]) -> NDArray[np.int64]:
    """Give each cell its place in the map's order, 0 for the highest; ties fall at random.

    Args:
        maps: (B, h, w); a constant one is a random order.
        rngs: one an image.

    Returns:
        (B, h, w), each a permutation of 0 to h w - 1.
    """
    ranks = np.empty(maps.shape, np.int64)
    for each, one, rng in zip(ranks, maps, rngs, strict=True):
        order = np.lexsort((rng.permutation(one.size), -one.ravel()))
        each.ravel()[order] = np.arange(one.size)
    return ranks


def blur(images: Tensor) -> Tensor:
    """Blur images (B, 3, S, S) of values in 0 to 255 until no lesion's structure is left."""
    sigma = BLUR_SIGMA * images.shape[-1]
    size = 2 * math.ceil(_REACH * sigma) + 1
    blurred: Tensor = transforms.gaussian_blur(images.float(), [size, size], [sigma, sigma])
    return blurred


@torch.no_grad()
def trace(
    model: LesionClassifier,
    images: Tensor,
    classes: Tensor,
    ranks: NDArray[np.int64],
    metadata: Tensor | None = None,
) -> Curves:
    """Follow the classes' probabilities as cells are taken in order, in `STEPS` even steps.

    A map of fewer cells takes one a step. Images go through the model one at a time, each with all
    of its steps, so that memory does not grow with B.

    Args:
        model: in evaluation mode.
        images: (B, 3, S, S) with values in 0 to 255.
        classes: (B,) the class index that each image is followed for.
        ranks: (B, h, w), as `rank_cells` gives them.
        metadata: (B, M); none if nothing is known.
    """
    cells = ranks[0].size
    taken = np.rint(np.linspace(0, cells, min(STEPS, cells) + 1)).astype(np.int64)
    counts = torch.from_numpy(taken).to(images.device)[:, None, None, None]
    deletion, insertion = [], []
    for i, (image, blurred) in enumerate(zip(images.float(), blur(images), strict=True)):
        cell = torch.from_numpy(ranks[i]).to(images.device, torch.float32)
        pixel = F.interpolate(cell[None, None], images.shape[-2:], mode="nearest-exact")[0, 0]
        gone = pixel < counts
        shown = torch.cat([torch.where(gone, blurred, image), torch.where(gone, image, blurred)])
        known = None if metadata is None else metadata[i : i + 1].expand(len(shown), -1)
        chosen = model(shown, known)[:, classes[i]].double().exp().cpu().numpy()
        deletion.append(chosen[: len(taken)])
        insertion.append(chosen[len(taken) :])
    return Curves(taken / cells, np.stack(deletion), np.stack(insertion))
