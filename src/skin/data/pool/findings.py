"""What a pool's record tells of how its images came together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.data.dataset import Dataset
from skin.data.links import Edges, equal, first_of_each
from skin.data.pool.merge import Merged
from skin.data.pool.record import LeftOut, PartCount, SameId, SamePhotograph


def part_counts(datasets: Sequence[Dataset], pool: pd.DataFrame) -> tuple[PartCount, ...]:
    """Each dataset, and how many rows of the pool are its own."""
    pooled = np.bincount(pool["part"], minlength=len(datasets)).tolist()
    return tuple(
        PartCount(name=one.name, hash=one.hash, images=len(one), pooled=count)
        for one, count in zip(datasets, pooled, strict=True)
    )


def same_ids(rows: pd.DataFrame, differs: NDArray[np.bool_]) -> tuple[SameId, ...]:
    """The images that several datasets have, in the order of their ids.

    Args:
        rows: as `gather` gives them.
        differs: (N,) as `merge` gives them.
    """
    several = np.flatnonzero(rows["image_id"].duplicated(keep=False)).tolist()
    sources = rows["source"].to_numpy()
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, image in zip(several, rows["image_id"].iloc[several], strict=True):
        places[image].append(place)
    return tuple(
        SameId(
            image_id=image,
            dataset=sources[first],
            others=tuple(sources[others]),
            differing=tuple(sources[row] for row in others if differs[row]),
        )
        for image, (first, *others) in sorted(places.items())
    )


def same_photographs(
    rows: pd.DataFrame, pairs: Edges, merged: Merged
) -> tuple[SamePhotograph, ...]:
    """The pairs that joined datasets or lesions, in the order of their rows.

    Args:
        rows: as `gather` gives them.
        pairs: (P, 2), rows that show the same photograph.
        merged: as `merge` gives it of them.
    """
    by_id = first_of_each(len(rows), [equal(rows["image_id"])])
    pairs = pairs[~merged.differs[pairs].any(axis=1)]  # pictures that are kept
    first, second = np.unique(np.sort(by_id[pairs], axis=1), axis=0).T
    ids, sources, lesions = (rows[c].to_numpy() for c in ("image_id", "source", "lesion_id"))
    # Equal where a dataset has an image twice under one lesion, which is not for a pool to say.
    joins = (sources[first] != sources[second]) | (lesions[first] != lesions[second])
    joins &= first != second
    return tuple(
        SamePhotograph(
            first=ids[a],
            second=ids[b],
            datasets=(sources[a], sources[b]),
            dropped=bool(merged.keeper[b] != b),
        )
        for a, b in zip(first[joins], second[joins], strict=True)
    )


def left_out_images(rows: pd.DataFrame, left_out: pd.DataFrame) -> tuple[LeftOut, ...]:
    """The training images that `leave_out` found."""
    chosen = rows.iloc[left_out["row"]]
    columns = (chosen["image_id"], chosen["source"], left_out["test_set"], left_out["found_by"])
    return tuple(
        LeftOut(image_id=image, dataset=dataset, test_set=test_set, found_by=found_by)
        for image, dataset, test_set, found_by in zip(*columns, strict=True)
    )
