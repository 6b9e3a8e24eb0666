"""What `skin probe heatmaps` leaves in a run's folder: `probes/heatmaps.json` and `heatmaps.csv`.

The CSV has a row an image and map:

- `image_id`, `lesion_id`, `fold`, `target` and `predicted` (class codes), `map`;
- `empty`: whether the map is zero everywhere, and so counts as the uniform one;
- `area`: the lesion's share of the view, which is the chance level of the next three;
- `energy`, `pointing`, `iou`: see `measures`; with `_gaussian`, those of the centred Gaussian;
- `energy_other_masks`, `pointing_other_masks`: the map's means over the other images' masks;
- `energy_other_maps`, `pointing_other_maps`: the other images' maps' means on this one's mask;
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

from skin.analysis.localisation.settings import STAGES, Constants, Settings
from skin.analysis.probes.results import Figure
from skin.analysis.probes.store import Result, read_result, read_table, write_result

NAME = "heatmaps"
KEYS = ("image_id", "lesion_id", "fold", "target", "predicted", "map")
LOCAL = ("energy", "pointing", "iou")
LINEAR = ("energy", "pointing")  # in the mask, and so measured on other lesions' masks too
TRACED = ("deletion", "insertion")
SANITY = tuple(f"sanity_{stage}" for stage in STAGES)
FIGURES = (
    "area",
    *(f"{name}{of}" for of in ("", "_gaussian") for name in (*LOCAL, "threshold")),
    *(f"{name}_other_{of}" for of in ("masks", "maps") for name in LINEAR),
    *(f"{name}{of}" for of in ("", "_random") for name in TRACED),
    *SANITY,
)
COLUMNS = (*KEYS, "empty", *FIGURES)
_TYPES = {"fold": int, **dict.fromkeys(FIGURES, float)}


class Curve(BaseModel):
    """The mean probability of the predicted class after each share of the cells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shares: tuple[float, ...]
    values: tuple[Figure, ...]


class MapResult(BaseModel):
    """One kind of map.

    Attributes:
        images: how many it was measured on.
        empty: how many of its maps are zero everywhere.
        size: (h, w) of the map before it is enlarged.
        figures: the CSV's means, and those of differences: `<measure>_over_chance`,
            `<measure>_over_gaussian`, `<measure>_over_other` (see `with_differences`),
            `deletion_gain` (random less map), `insertion_gain` (map less random); without those
            that are of no image.
        curves: `deletion`, `insertion` and those with `_random`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int
    empty: int
    size: tuple[int, int]
    figures: dict[str, Figure]
    curves: dict[str, Curve]


class HeatmapResult(Result):
    """The content of `heatmaps.json`.

    Attributes:
        settings: see `Settings`.
        constants: see `Constants`.
        masks: the name of their folder or zip.
        masks_sha256: a hash of the masks that were used, in the order of the image ids.
        lesions: how many there are in the sample.
        without_mask: the held-out images that have none.
        without_lesion: the drawn images that are left out, as their masks cover nothing of the
            view, or all of it.
        maps: by name: a method of class activation maps, or the model's own attention.
    """

    settings: Settings
    constants: Constants
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
    return None if result is None else Probed(result, read_images(folder, result))


def read_images(folder: Path, result: HeatmapResult) -> pd.DataFrame:
    """Read the table beside a result.

    Raises:
        SkinError: as `read_table`.
    """
    table = read_table(folder, NAME, result, {})
    table["empty"] = table["empty"] == "True"
    table[list(FIGURES)] = table[list(FIGURES)].replace("", "nan")
    return table.astype(_TYPES)
