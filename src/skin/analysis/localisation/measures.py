"""How much of a heatmap lies in the lesion.

Three measures of a map against its image's mask, each of which a uniform map meets at the lesion's
share of the image's area, which is chance:

- energy: the share of the map's sum inside the mask (Wang et al. 2020, Score-CAM, arXiv
  1910.01279, section 4.2, the energy-based pointing game);
- pointing: whether the map's maximum is inside the mask (Zhang et al. 2018, arXiv 1608.00507,
  section 4.2). Deviates in that a maximum must be inside itself, not within 15 pixels, and in ties,
  as the plateaus of a small map that was enlarged: it is the share of the maximal pixels that are
  inside;
- iou: intersection over union of the mask and of where the map reaches a share of its maximum. One
  share serves all images, chosen on other lesions than those it is judged on.

Lesions lie in the middle of their images, so that a map that is sharp there does well whatever it
was made of. What tells that a map follows the lesion is that it does better on its own image's mask
than on those of other lesions' images. Energy and pointing are linear in the mask, so that their
means over all other masks are those of the mean mask. For maps that are the same in every image
the two agree on average over the images, exactly.

A map that is zero everywhere points nowhere, and counts as the uniform map: at chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skin.analysis.localisation.settings import GAUSSIAN_SIGMA, PARTS, THRESHOLDS

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Shares = BoolArray | FloatArray
"""(B, S, S): a mask, or how often each pixel is in one of several."""

_CHOOSE = 1  # a stream of random numbers apart from those of the sample


def lesion_area(masks: BoolArray) -> FloatArray:
    """The lesion's share of each image, (B,), for masks (B, S, S)."""
    area: FloatArray = masks.mean(axis=(1, 2))
    return area


def mass(maps: FloatArray) -> FloatArray:
    """What share of its sum each map (B, S, S) has at each pixel: energy is the mass in a mask."""
    maps = _filled(maps)
    shares: FloatArray = maps / maps.sum(axis=(1, 2), keepdims=True)
    return shares


def maxima(maps: FloatArray) -> FloatArray:
    """What share each pixel has in its map's maximum: pointing is the share in a mask."""
    highest = maps == maps.max(axis=(1, 2), keepdims=True)
    shares: FloatArray = highest / highest.sum(axis=(1, 2), keepdims=True)
    return shares


def energy(maps: FloatArray, masks: Shares) -> FloatArray:
    """The share of each map's sum inside its mask; the mean over several for their mean mask.

    Args:
        maps: (B, S, S), not negative.
        masks: (B, S, S).

    Returns:
        (B,), 0 to 1.
    """
    maps = _filled(maps)
    inside = (maps * masks).sum(axis=(1, 2))
    share: FloatArray = inside / maps.sum(axis=(1, 2))
    return share


def pointing(maps: FloatArray, masks: Shares) -> FloatArray:
    """Whether each map's maximum is inside its mask: 1 or 0, a share where there are ties.

    Of a mean mask it is how often it is inside one of the masks.

    Args:
        maps: (B, S, S), not negative.
        masks: (B, S, S).

    Returns:
        (B,), 0 to 1.
    """
    highest = maps == maps.max(axis=(1, 2), keepdims=True)
    inside = np.where(highest, masks, 0.0).sum(axis=(1, 2))
    share: FloatArray = inside / highest.sum(axis=(1, 2))
    return share


def overlap(maps: FloatArray, masks: BoolArray) -> FloatArray:
    """Intersection over union at each of `THRESHOLDS`.

    Args:
        maps: (B, S, S), not negative.
        masks: (B, S, S), each true somewhere.

    Returns:
        (B, T), 0 to 1.
    """
    maps = _filled(maps)
    shares = maps / maps.max(axis=(1, 2), keepdims=True)
    ious = []
    for threshold in THRESHOLDS:
        reached = shares >= threshold
        common = (reached & masks).sum(axis=(1, 2))
        ious.append(common / (reached | masks).sum(axis=(1, 2)))
    return np.stack(ious, axis=1)


def cross_fitted(
    ious: FloatArray, lesions: NDArray[np.str_], seed: int
) -> tuple[FloatArray, FloatArray]:
    """Take each image's IoU at the threshold that is best on average for other lesions.

    Lesions are dealt into `PARTS` parts; a part's threshold is the one with the highest mean IoU
    over all images of the other parts. Chosen on the same images, it would flatter every map.

    Args:
        ious: (N, T), as `overlap` gives them, of two lesions or more.
        lesions: (N,) names.
        seed: of the parts: the same lesions and seed give the same ones for every map.

    Returns:
        The IoUs (N,), and the thresholds (N,) that they were taken at.
    """
    names, lesion = np.unique(lesions, return_inverse=True)
    dealt = np.random.default_rng([seed, _CHOOSE]).permutation(len(names)) % PARTS
    part = dealt[lesion]
    best = np.zeros(len(ious), np.int64)
    for number in np.unique(part):
        best[part == number] = ious[part != number].mean(axis=0).argmax()
    return ious[np.arange(len(ious)), best], np.array(THRESHOLDS)[best]


def centred_gaussian(side: int) -> FloatArray:
    """A map (S, S) that knows nothing but that lesions lie in the middle; its maximum is near 1."""
    places = np.arange(side) - (side - 1) / 2
    along = np.exp(-0.5 * (places / (GAUSSIAN_SIGMA * side)) ** 2)
    return np.outer(along, along)


def _filled(maps: FloatArray) -> FloatArray:
    """Maps that are zero everywhere made uniform."""
    empty = ~maps.any(axis=(1, 2), keepdims=True)
    return np.where(empty, 1.0, maps)
