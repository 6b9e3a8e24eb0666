"""Means over images with intervals over lesions, and the comparison of maps on the same images."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.localisation.results import FIGURES, LOCAL
from skin.analysis.significance.pvalues import ALPHA, bootstrap_p, holm
from skin.analysis.statistics import Interval, interval, lesion_weights

FloatArray = NDArray[np.float64]
_Name = TypeVar("_Name", bound=Hashable)


class Difference(NamedTuple):
    """A paired difference of two maps' means.

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
    """The figures of a probe's table, and each image's differences to what knows nothing."""
    figures = table[list(FIGURES)].copy()
    for name in LOCAL:
        figures[f"{name}_over_chance"] = figures[name] - figures["area"]
        figures[f"{name}_over_gaussian"] = figures[name] - figures[f"{name}_gaussian"]
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
        measure: a column.
        resamples: of the lesions.
        seed: of the resamples.

    Raises:
        ValueError: the images are not the same.
    """
    base = reference.set_index("image_id").sort_index()
    intervals, p_values = [], []
    for table in maps.values():
        ours = table.set_index("image_id").sort_index()
        if not ours.index.equals(base.index):
            raise ValueError("a paired difference needs the same images")
        difference = (ours[measure] - base[measure]).to_numpy(np.float64)[:, None]
        (value,), (sample,) = _means(difference, base["lesion_id"], resamples, seed)
        intervals.append(interval(float(value), sample))
        p_values.append(bootstrap_p(sample))
    corrected = holm(p_values).tolist()
    return {
        name: Difference(*pair)
        for name, pair in zip(maps, zip(intervals, corrected, strict=True), strict=True)
    }


def same_images(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two tables are of the same images."""
    return set(one["image_id"]) == set(other["image_id"])


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
        _ratio(sums.T @ weights, counts.T @ weights)
        for weights in lesion_weights(len(names), resamples, seed)
    ]
    return _ratio(sums.sum(axis=0), counts.sum(axis=0)), np.concatenate(drawn, axis=1)


def _ratio(sums: FloatArray, counts: FloatArray) -> FloatArray:
    ratio = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=ratio, where=counts > 0)
    return ratio
