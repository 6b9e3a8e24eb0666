"""Which images heatmaps are measured on: held out, with a mask, one a lesion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skin.data.masks import Masks
from skin.errors import SkinError
from skin.training.held_out import HeldOut

_DRAW = 0  # a stream of random numbers apart from that of the thresholds
_FEWEST = 2  # lesions: one to choose a threshold on, one to judge it by


@dataclass(frozen=True, eq=False)
class Sample:
    """Held-out images of a run, one a lesion.

    Attributes:
        rows: (N,) of the dataset's table, in the order in which they were drawn.
        folds: (N,) the number of the fold that held each out.
        missing: the held-out images that have no mask.
    """

    rows: NDArray[np.int64]
    folds: NDArray[np.int64]
    missing: tuple[str, ...]

    def of_fold(self, fold: int, first: int | None = None) -> NDArray[np.int64]:
        """The rows that a fold held out, among the `first` of the sample or all."""
        rows: NDArray[np.int64] = self.rows[:first][self.folds[:first] == fold]
        return rows


def draw_sample(folds: Sequence[HeldOut], masks: Masks, images: int, seed: int) -> Sample:
    """Draw lesions among those that the folds hold out and masks know, and an image of each.

    The same folds, masks and seed give the same images whatever the run, so that runs can be
    compared image by image; a smaller number gives the first ones of a larger.

    Args:
        folds: of one run.
        masks: that images must have.
        images: how many to draw; where there are fewer lesions, all of them.
        seed: of the draw.

    Raises:
        SkinError: fewer than two lesions have a mask.
    """
    table = folds[0].dataset.table
    held_out = [held.rows for held in folds]
    rows = np.concatenate(held_out)
    numbers = np.repeat([held.fold.fold for held in folds], [len(part) for part in held_out])
    order = np.argsort(rows)
    rows, numbers = rows[order], numbers[order]
    ids = table["image_id"].to_numpy(dtype=str)[rows]
    lesions = table["lesion_id"].to_numpy(dtype=str)[rows]
    known = np.isin(ids, list(masks.ids))
    if len(set(lesions[known])) < _FEWEST:
        raise SkinError(
            f"{masks.archive.root} has masks of {int(known.sum())} of the {len(rows)} images that "
            f"{folds[0].fold.folder.parent} held out, such as {ids[0]}: give masks of dataset "
            f"'{folds[0].dataset.name}', of two lesions or more"
        )
    rng = np.random.default_rng([seed, _DRAW])
    shuffled = rng.permutation(np.flatnonzero(known))
    _, first = np.unique(lesions[shuffled], return_index=True)
    # Shuffled again, as a lesion of many images tends to come early.
    chosen = shuffled[rng.permutation(first)[:images]]
    return Sample(rows[chosen], numbers[chosen], tuple(ids[~known].tolist()))
