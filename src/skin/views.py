"""Test-time augmentation (TTA) as configs and commands name it: which views, and how to average.

Nothing here needs torch, so that reading a config does not wait for it; `skin.models.tta` makes
the views.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import product
from typing import NamedTuple, Self

from skin.errors import SkinError, did_you_mean

CROP_SHARE = 7 / 8
ZOOM_SHARES = (1.0, 7 / 8, 3 / 4)
DIHEDRAL = 8  # rotations and reflections of a square
_NONE = "none"


class Crop(NamedTuple):
    """A square part of a square image.

    Attributes:
        share: its side over the image's.
        down: where it lies: 0 is the image's upper edge, 1 its lower one, 0.5 the middle.
        right: the same from left to right.
    """

    share: float
    down: float = 0.5
    right: float = 0.5

    def box(self, side: int) -> tuple[int, int, int]:
        """Give top, left and side, in pixels of an image of that side.

        What is left over is even, so that a centre is exact: the crops of a turned image are then
        the turned crops of the image.
        """
        margin = round(side * (1 - self.share) / 2)
        return int(2 * margin * self.down), int(2 * margin * self.right), side - 2 * margin


_WHOLE = Crop(1.0)
_CORNERS = tuple(Crop(CROP_SHARE, down, right) for down, right in product((0.0, 1.0), repeat=2))


@dataclass(frozen=True)
class Tta:
    """The views of an image that are predicted, and how their predictions become one.

    Every view is as large as the image: a zoom is a crop, enlarged. So backbones that are built
    for one input size can take them all.

    Attributes:
        dihedral: the 8 rotations and reflections of every crop.
        crops: four corners and the centre, of 7/8 of the side.
        scales: the whole image, and its centre at 7/8 and 3/4 of the side; together with `crops`,
            whichever crops are in either.
        logit: average log-probabilities instead of probabilities.
    """

    dihedral: bool = False
    crops: bool = False
    scales: bool = False
    logit: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `none`, or words among `dihedral`, `crops`, `scales`, `logit`, joined by `+`.

        Raises:
            SkinError: a word is unknown, stands there twice, or changes nothing.
        """
        known = [field.name for field in fields(cls)]
        words = [word.strip() for word in text.split("+")]
        for word in words:
            if word not in {*known, _NONE}:
                hint = did_you_mean(word, [_NONE, *known])
                raise SkinError(f"TTA '{text}': no views are called '{word}': {hint}")
        if len(set(words)) < len(words):
            raise SkinError(f"TTA '{text}': name each word once")
        if words == [_NONE]:
            return cls()
        if _NONE in words:
            raise SkinError(f"TTA '{text}': '{_NONE}' stands alone, or leave it out")
        if words == ["logit"]:
            raise SkinError(
                f"TTA '{text}': one view needs no average; add dihedral, crops or scales"
            )
        return cls(**dict.fromkeys(words, True))

    def __str__(self) -> str:
        """The text that gives the same views again, its words in one order."""
        words = [field.name for field in fields(self) if getattr(self, field.name)]
        return "+".join(words) or _NONE

    def __len__(self) -> int:
        """The number of views."""
        return len(self.frames) * (DIHEDRAL if self.dihedral else 1)

    @property
    def frames(self) -> tuple[Crop, ...]:
        """The crops, each once: the whole image first if it is among them."""
        zooms = [Crop(share) for share in ZOOM_SHARES] if self.scales else []
        crops = [Crop(CROP_SHARE), *_CORNERS] if self.crops else []
        return tuple(dict.fromkeys([*zooms, *crops])) or (_WHOLE,)
