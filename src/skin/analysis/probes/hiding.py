"""Images with the lesion hidden, or with nothing but the lesion.

After Bissoto, Fornaciali, Valle & Avila 2019, "(De)Constructing bias on skin lesion datasets"
(arXiv 1904.08818), whose networks could tell melanoma from images without the lesion. Deviation:
they train on such images, to see what the data tell; here a model that was trained on whole images
is shown them, to see what it uses. The lesion's place is filled from its surroundings or with the
colour of skin where they have black.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Colour = NDArray[np.uint8]

VERSION: Final = 1  # to be raised when an image of some condition comes out otherwise
WHOLE: Final = "whole"
_BORDER = 0.04  # of the side: how far a lesion may reach beyond its mask
_INPAINT_RADIUS = 0.03  # of the side: what a filled pixel is made of
_RIM = 0.7  # of the image: what the grown box covers at least, as in the paper
_LEAST_SKIN = 0.05  # of the image: what must be left around a lesion to be judged by
CONSTANTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "border": _BORDER,
        "inpaint_radius": _INPAINT_RADIUS,
        "rim": _RIM,
        "least_skin": _LEAST_SKIN,
    }
)
"""What decides, beside the code, what is hidden and which images are judged."""


@dataclass(frozen=True)
class Condition:
    """One way to show an image.

    Attributes:
        title: for readers.
        meaning: what is left of it, as the end of a sentence.
        background: whether nothing of the lesion is left.
        apply: makes it of an image (S, S, 3), its lesion's mask (S, S) and the colour (3,) that
            stands for any skin.
    """

    title: str
    meaning: str
    background: bool
    apply: Callable[[Image, Mask, Colour], Image]


def usable(mask: Mask) -> bool:
    """Whether there is a lesion, and enough skin around it to be judged by."""
    return bool(mask.any() and (~_with_border(mask)).mean() >= _LEAST_SKIN)


def skin_colour(image: Image, mask: Mask) -> Colour:
    """The colour of the skin around the lesion (3,): the median, which hairs do not sway."""
    colour: Colour = np.median(image[~_with_border(mask)], axis=0).astype(np.uint8)
    return colour


def _whole(image: Image, mask: Mask, skin: Colour) -> Image:
    del mask, skin
    return image


def _lesion(image: Image, mask: Mask, skin: Colour) -> Image:
    """Leave the lesion; the image's own skin colour around it would tell of the background."""
    return np.where(mask[..., None], image, skin)


def _inpainted(image: Image, mask: Mask, skin: Colour) -> Image:
    """Fill the lesion from its surroundings (Telea 2004, fast marching)."""
    del skin
    hidden = _with_border(mask).astype(np.uint8)
    radius = _INPAINT_RADIUS * len(mask)
    return np.asarray(cv2.inpaint(image, hidden, max(radius, 1.0), cv2.INPAINT_TELEA), np.uint8)


def _boxed(image: Image, mask: Mask, skin: Colour) -> Image:
    del skin
    return _filled(image, mask, _box(mask, 0))


def _rim(image: Image, mask: Mask, skin: Colour) -> Image:
    """Grow the box alike on all sides until it covers 70 % of any image."""
    del skin
    side = len(mask)
    boxes = (_box(mask, by) for by in range(side + 1))
    return _filled(image, mask, next(box for box in boxes if box.mean() >= _RIM))


def _box(mask: Mask, by: int) -> Mask:
    """The lesion's bounding box, grown by so many pixels."""
    left, top, width, height = cv2.boundingRect(_with_border(mask).astype(np.uint8))
    box = np.zeros_like(mask)
    box[max(top - by, 0) : top + height + by, max(left - by, 0) : left + width + by] = True
    return box


def _filled(image: Image, mask: Mask, hidden: Mask) -> Image:
    return np.where(hidden[..., None], skin_colour(image, mask), image)


def _with_border(mask: Mask) -> Mask:
    radius = max(1, round(_BORDER * len(mask)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc), bool)


CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        WHOLE: Condition("Whole image", "the image as it is", False, _whole),
        "lesion": Condition(
            "Lesion only",
            "the lesion, around it one colour, the mean skin of all images",
            False,
            _lesion,
        ),
        "background": Condition(
            "Background only",
            "the surroundings, the lesion and its border filled from them; size and shape of the "
            "filled place are the lesion's",
            True,
            _inpainted,
        ),
        "box": Condition(
            "Background, box hidden",
            "the surroundings, the lesion's bounding box filled with their colour, which hides its "
            "shape but not its size",
            True,
            _boxed,
        ),
        "rim": Condition(
            "Rim only",
            "the rim, the box grown to 70 % of the image, which hides the size of most lesions too",
            True,
            _rim,
        ),
    }
)
