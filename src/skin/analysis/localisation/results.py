"""What `skin probe heatmaps` leaves in a run's folder: `probes/heatmaps.json` and `heatmaps.csv`.

The CSV has a row an image and map:

- `image_id`, `lesion_id`, `fold`, `target` and `predicted` (class codes), `map`;
- `empty`: whether the map is zero everywhere, and so counts as the uniform one;
- `area`: the lesion's share of the view, which is the chance level of the next three;
- `energy`, `pointing`, `iou`: see `measures`; with `_gaussian`, those of the centred Gaussian;
- `threshold`, `threshold_gaussian`: the share of the maximum that the IoU was taken at;
- `deletion`, `insertion`: areas under the curves; with `_random`, of a random order of the cells;
- `sanity_<stage>`: the rank correlation with the map of a model with random weights.

The last two groups are of the first images of the sample alone, and empty for the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pydantic import BaseModel, ConfigDict

from skin.analysis.localisation.settings import STAGES, Settings
from skin.analysis.probes.store import Result, read_result, read_table, write_result
from skin.analysis.statistics import Interval

NAME = "heatmaps"
KEYS = ("image_id", "lesion_id", "fold", "target", "predicted", "map")
LOCAL = ("energy", "pointing", "iou")
TRACED = ("deletion", "insertion")
SANITY = tuple(f"sanity_{stage}" for stage in STAGES)
FIGURES = (
    "area",
    *(f"{name}{of}" for of in ("", "_gaussian") for name in (*LOCAL, "threshold")),
    *(f"{name}{of}" for of in ("", "_random") for name in TRACED),
    *SANITY,
)
COLUMNS = (*KEYS, "empty", *FIGURES)
_TYPES = {"fold": int, **dict.fromkeys(FIGURES, float)}


class Estimate(BaseModel):
    """A mean over images and its 95 % interval over lesions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float
    high: float

    @property
    def interval(self) -> Interval:
        """The same, as the statistics' own type."""
        return Interval(self.value, self.low, self.high)


class Curve(BaseModel):
    """The mean probability of the predicted class after each share of the cells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shares: tuple[float, ...]
    values: tuple[Estimate, ...]


class MapResult(BaseModel):
    """One kind of map.

    Attributes:
        images: how many it was measured on.
        empty: how many of its maps are zero everywhere.
        size: (h, w) of the map before it is enlarged.
        figures: the CSV's means, and those of differences: `<measure>_over_chance`,
            `<measure>_over_gaussian`, `deletion_gain` (random less map), `insertion_gain`
            (map less random); without those that are of no image.
        curves: `deletion`, `insertion` and those with `_random`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int
    empty: int
    size: tuple[int, int]
    figures: dict[str, Estimate]
    curves: dict[str, Curve]


class HeatmapResult(Result):
    """The content of `heatmaps.json`.

    Attributes:
        settings: see `Settings`.
        masks: the name of their folder or zip.
        masks_sha256: a hash of the masks that were used, in the order of the image ids.
        lesions: how many there are in the sample.
        without_mask: the held-out images that have none.
        without_lesion: the drawn images whose view shows no lesion, which are left out.
        maps: by name: a method of class activation maps, or the model's own attention.
    """

    settings: Settings
    masks: str
    masks_sha256: str
    lesions: int
    without_mask: tuple[str, ...]
    without_lesion: tuple[str, ...]
    maps: dict[str, MapResult]


class Probed(NamedTuple):
    """A result with the table beside it."""

    result: HeatmapResult
    table: pd.DataFrame


def write_probed(folder: Path, probed: Probed) -> Path:
    """Write both into the run's folder; see `write_result`."""
    return write_result(folder, NAME, probed.result, probed.table[list(COLUMNS)])


def read_probed(folder: Path) -> Probed | None:
    """Read both; None where the run was not probed.

    Raises:
        SkinError: one of the files is damaged or missing.
    """
    result = read_result(folder, NAME, HeatmapResult)
    if result is None:
        return None
    table = read_table(folder, NAME, result, {})
    table["empty"] = table["empty"] == "True"
    table[list(FIGURES)] = table[list(FIGURES)].replace("", "nan")
    return Probed(result, table.astype(_TYPES))
