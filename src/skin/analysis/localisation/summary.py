"""Means over images with intervals over lesions, and the comparison of maps on the same images."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.localisation.results import FIGURES, LINEAR, LOCAL
from skin.analysis.metrics import ratio
from skin.analysis.significance.pvalues import ALPHA, bootstrap_p, holm
from skin.analysis.statistics import Interval, interval, lesion_weights

FloatArray = NDArray[np.float64]
_Name = TypeVar("_Name", bound=Hashable)


class Difference(NamedTuple):
    """The mean of paired differences.

    Attributes:
        interval: of the difference, not corrected.
        p: two-sided, corrected by Holm for all comparisons made together.
    """

    interval: Interval
    p: float

    @property
    def holds(self) -> bool:
        """Whether the corrected p-value is below 0.05."""
        return self.p < ALPHA


def with_differences(table: pd.DataFrame) -> pd.DataFrame:
    """The figures of one map's table, and each image's differences to what knows nothing of it.

    The mean of `<measure>_over_other` is the map's mean on own masks less that on other images'.
    An image takes part in the latter twice, by its map and by its mask; both are taken off it, and
    the mean added once, so that what only lesions' sizes or maps' sharpness change cancels in each
    image and does not widen the interval (the linear term of the statistic over pairs; W.
    Hoeffding, Annals of Mathematical Statistics 19:293, 1948).
    """
    figures = table[list(FIGURES)].copy()
    for name in LOCAL:
        figures[f"{name}_over_chance"] = figures[name] - figures["area"]
        figures[f"{name}_over_gaussian"] = figures[name] - figures[f"{name}_gaussian"]
    for name in LINEAR:
        by_maps = figures[f"{name}_other_maps"]
        own = figures[name] - figures[f"{name}_other_masks"]
        figures[f"{name}_over_other"] = own - (by_maps - by_maps.mean())
    figures["deletion_gain"] = figures["deletion_random"] - figures["deletion"]
    figures["insertion_gain"] = figures["insertion"] - figures["insertion_random"]
    return figures


def mean_intervals(
    figures: pd.DataFrame, lesions: Sequence[str] | pd.Series[str], resamples: int, seed: int
) -> dict[str, Interval]:
    """The mean of each column and its interval; a NaN is of no image, and such a column left out.

    Args:
        figures: a row an image.
        lesions: as many names.
        resamples: of the lesions.
        seed: of the resamples.
    """
    values, samples = _means(figures.to_numpy(np.float64), lesions, resamples, seed)
    return {
        str(name): interval(value, sample)
        for name, value, sample in zip(figures.columns, values.tolist(), samples, strict=True)
        if not np.isnan(value)
    }


def own_over_other(
    maps: Mapping[_Name, pd.DataFrame], measure: str, *, resamples: int, seed: int
) -> dict[_Name, Difference]:
    """Compare each map on its own image's mask with the same map on other lesions' masks.

    Args:
        maps: rows of probes' tables, each of one map.
        measure: one of `LINEAR`.
        resamples: of the lesions.
        seed: of the resamples.
    """
    differences = {
        name: (with_differences(table)[f"{measure}_over_other"], table["lesion_id"])
        for name, table in maps.items()
    }
    return _corrected(differences, resamples, seed)


def paired_differences(
    maps: Mapping[_Name, pd.DataFrame],
    reference: pd.DataFrame,
    measure: str,
    *,
    resamples: int,
    seed: int,
) -> dict[_Name, Difference]:
    """Compare maps with a reference on the same images, by one measure.

    Args:
        maps: rows of probes' tables, each of one map.
        reference: of one map, of the same images.
        measure: a figure of `with_differences`.
        resamples: of the lesions.
        seed: of the resamples.

    Raises:
        ValueError: the images are not the same.
    """
    base = reference.set_index("image_id").sort_index()
    values = with_differences(base)[measure]
    differences = {}
    for name, table in maps.items():
        ours = table.set_index("image_id").sort_index()
        if not ours.index.equals(base.index):
            raise ValueError("a paired difference needs the same images")
        differences[name] = (with_differences(ours)[measure] - values, base["lesion_id"])
    return _corrected(differences, resamples, seed)


def same_images(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two tables are of the same images."""
    return set(one["image_id"]) == set(other["image_id"])


def _corrected(
    differences: Mapping[_Name, tuple[pd.Series[float], pd.Series[str]]], resamples: int, seed: int
) -> dict[_Name, Difference]:
    """The means of differences, each with its images' lesions; corrected for their number."""
    intervals, p_values = [], []
    for values, lesions in differences.values():
        column: FloatArray = np.asarray(values, np.float64)[:, None]
        (value,), (sample,) = _means(column, lesions, resamples, seed)
        intervals.append(interval(float(value), sample))
        p_values.append(bootstrap_p(sample))
    corrected = holm(p_values).tolist()
    return {
        name: Difference(*pair)
        for name, pair in zip(differences, zip(intervals, corrected, strict=True), strict=True)
    }


def _means(
    values: FloatArray, lesions: Sequence[str] | pd.Series[str], resamples: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Means (K,) of the columns of (N, K), and of B resamples (K, B); NaN are left out."""
    names, lesion = np.unique(np.asarray(lesions, dtype=str), return_inverse=True)
    there = ~np.isnan(values)
    sums = np.zeros((len(names), values.shape[1]))
    counts = np.zeros_like(sums)
    np.add.at(sums, lesion, np.where(there, values, 0.0))
    np.add.at(counts, lesion, there)
    drawn = [
        ratio(sums.T @ weights, counts.T @ weights)
        for weights in lesion_weights(len(names), resamples, seed)
    ]
    return ratio(sums.sum(axis=0), counts.sum(axis=0)), np.concatenate(drawn, axis=1)
