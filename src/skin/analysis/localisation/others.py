"""What maps reach on other lesions' masks: the control for lesions lying in the middle.

Energy and pointing are sums over pixels of the mask times what the map puts there. So the mean over
all pairs of a map and another image's mask needs only the sum of the masks, taken before the maps
are made, and the sum of what the maps put where, taken after; memory does not grow with the images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.localisation import measures
from skin.analysis.localisation.views import View, Views

FloatArray = NDArray[np.float64]


@dataclass(eq=False)
class Others:
    """The sums over all folds' images.

    Attributes:
        images: how many views can be judged; see `View.judged`.
        masks: (S, S) how many of them have the lesion at each pixel.
        mass: by map, (S, S) the sum of `measures.mass`.
        maxima: by map, (S, S) the sum of `measures.maxima`.
    """

    images: int = 0
    masks: NDArray[np.int64] | int = 0
    mass: dict[str, FloatArray] = field(default_factory=dict)
    maxima: dict[str, FloatArray] = field(default_factory=dict)

    def add_masks(
        self, views: Views, rows: NDArray[np.int64], advance: Callable[[int], None]
    ) -> None:
        """Add the masks of a fold's images.

        Args:
            views: of the fold.
            rows: of the dataset's table.
            advance: called with the number of images after each batch.
        """
        for view in views.of(rows):
            judged = view.masks[view.judged]
            self.images += len(judged)
            self.masks = self.masks + judged.sum(axis=0)
            advance(len(view.rows))

    def inverted(self) -> bool:
        """Whether the masks look inverted: they are more often at the rim than in the middle."""
        masks = np.asarray(self.masks)
        edge = len(masks) // 4
        middle = masks[edge : len(masks) - edge, edge : len(masks) - edge]
        rim = (masks.sum() - middle.sum()) / (masks.size - middle.size)
        return bool(rim > middle.mean())

    def on_other_masks(self, name: str, maps: FloatArray, view: View) -> dict[str, FloatArray]:
        """Measure maps on the mean of all masks but their images' own, and add them to the sums.

        Args:
            name: of the maps.
            maps: (B, S, S), not negative.
            view: their images, which can be judged; all masks have been added.

        Returns:
            `energy_other_masks` and `pointing_other_masks`, (B,).
        """
        for sums, shares in (
            (self.mass, measures.mass(maps)),
            (self.maxima, measures.maxima(maps)),
        ):
            sums[name] = sums.get(name, 0) + shares.sum(axis=0)
        others = (self.masks - view.masks) / (self.images - 1)
        return {
            "energy_other_masks": measures.energy(maps, others),
            "pointing_other_masks": measures.pointing(maps, others),
        }

    def on_all_maps(
        self, views: Views, rows: NDArray[np.int64], advance: Callable[[int], None]
    ) -> pd.DataFrame:
        """Measure the sums of all images' maps on each image's mask.

        Args:
            views: of a fold.
            rows: of the dataset's table, whose views can be judged.
            advance: called with the number of images after each batch.

        Returns:
            A row an image (`row`) and map (`map`), with `energy_all` and `pointing_all`.
        """
        tables = []
        for view in views.of(rows):
            tables += [
                pd.DataFrame(
                    {
                        "row": view.rows,
                        "map": name,
                        "energy_all": (self.mass[name] * view.masks).sum(axis=(1, 2)),
                        "pointing_all": (self.maxima[name] * view.masks).sum(axis=(1, 2)),
                    }
                )
                for name in self.mass
            ]
            advance(len(view.rows))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def on_other_maps(
    located: pd.DataFrame, on_all: Iterable[pd.DataFrame], images: int
) -> pd.DataFrame:
    """Add the means of all other images' maps on each image's mask.

    Args:
        located: a row an image (`row`) and map (`map`), with `energy` and `pointing`.
        on_all: the folds' tables of `Others.on_all_maps`.
        images: how many there are.

    Returns:
        The same rows, with `energy_other_maps` and `pointing_other_maps`.
    """
    every = pd.concat([table for table in on_all if len(table)], ignore_index=True)
    joined = located.merge(every, how="left", on=["row", "map"], validate="1:1")
    for name in ("energy", "pointing"):
        others = (joined.pop(f"{name}_all") - joined[name]) / (images - 1)
        joined[f"{name}_other_maps"] = others
    return joined
