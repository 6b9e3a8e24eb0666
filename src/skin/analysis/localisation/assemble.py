"""What the passes over the folds found, as one table and as a result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.localisation.faithfulness import area_under
from skin.analysis.localisation.measures import cross_fitted
from skin.analysis.localisation.others import on_other_maps
from skin.analysis.localisation.passes import Located, Similarity, Trace
from skin.analysis.localisation.results import SANITY, TRACED, Curve, MapResult
from skin.analysis.localisation.summary import mean_intervals, with_differences
from skin.analysis.probes.results import Figure
from skin.data.masks import Masks
from skin.training.held_out import HeldOut


class FoldPasses(NamedTuple):
    """What was found on the images of one fold."""

    fold: int
    located: Located
    traces: Sequence[Trace]
    compared: Sequence[Similarity]


def image_table(
    passes: Sequence[FoldPasses], on_all: Sequence[pd.DataFrame], held_out: HeldOut, seed: int
) -> pd.DataFrame:
    """Join the folds to the rows of `heatmaps.csv`, in order of images and maps.

    Args:
        passes: over each fold, of two lesions or more in all; a fold may have none.
        on_all: as `Others.on_all_maps` gives them.
        held_out: one of the folds, for the names of rows and classes.
        seed: of the parts that thresholds are cross-fitted over.

    Returns:
        The columns of `results`, and `row`, `order` (the map's place), `height` and `width`.
    """
    located = pd.concat(
        [
            part.located.table.assign(fold=part.fold)
            for part in passes
            if len(part.located.table)  # without rows, columns have no types to join
        ],
        ignore_index=True,
    )
    seen = sum(located["map"] == located["map"].iloc[0])
    table = _named(on_other_maps(located, on_all, seen), held_out)
    for ending in ("", "_gaussian"):
        ious = np.concatenate([getattr(part.located, f"ious{ending}") for part in passes])
        for rows in table.groupby("map").indices.values():
            lesions = table["lesion_id"].to_numpy(dtype=str)[rows]
            chosen = cross_fitted(ious[rows], lesions, seed)
            table.loc[rows, [f"iou{ending}", f"threshold{ending}"]] = np.stack(chosen, axis=1)
    figures = {
        **{
            (one.row, one.map, one.kind): area_under(one.shares, one.curve)
            for part in passes
            for one in part.traces
        },
        **{
            (one.row, one.map, f"sanity_{one.stage}"): one.value
            for part in passes
            for one in part.compared
        },
    }
    for kind in (*TRACED, *(f"{kind}_random" for kind in TRACED), *SANITY):
        keys = zip(table["row"], table["map"], strict=True)
        table[kind] = [figures.get((row, name, kind), np.nan) for row, name in keys]
    names = table["map"].unique().tolist()
    table["order"] = table["map"].map(names.index)
    return table.sort_values(["image_id", "order"], ignore_index=True)


def map_results(
    table: pd.DataFrame, passes: Sequence[FoldPasses], resamples: int, seed: int
) -> dict[str, MapResult]:
    """Average over images, with intervals over lesions, map by map.

    Args:
        table: as `image_table` gives it.
        passes: over each fold.
        resamples: of the lesions.
        seed: of the resamples.
    """
    lesion = dict(zip(table["row"].tolist(), table["lesion_id"].tolist(), strict=True))
    results = {}
    for _, part in table.groupby("order"):
        name = str(part["map"].iloc[0])
        traces = [one for fold in passes for one in fold.traces if one.map == name]
        figures = mean_intervals(with_differences(part), part["lesion_id"], resamples, seed)
        results[name] = MapResult(
            images=len(part),
            empty=int(part["empty"].sum()),
            size=(int(part["height"].iloc[0]), int(part["width"].iloc[0])),
            figures={key: Figure.of(one) for key, one in figures.items()},
            curves={
                kind: _curve([one for one in traces if one.kind == kind], lesion, resamples, seed)
                for kind in dict.fromkeys(one.kind for one in traces)
            },
        )
    return results


def masks_hash(masks: Masks, image_ids: Iterable[str]) -> str:
    """A hash of the files of these images' masks, in the order of the ids."""
    digest = hashlib.sha256()
    for image_id in sorted(set(image_ids)):
        digest.update(hashlib.sha256(masks.read(image_id)).digest())
    return digest.hexdigest()


def _named(located: pd.DataFrame, held_out: HeldOut) -> pd.DataFrame:
    """Give rows and classes their names."""
    codes = np.array(held_out.task.codes)
    return located.assign(
        image_id=held_out.dataset.table["image_id"].to_numpy(dtype=str)[located["row"]],
        lesion_id=_lesions(located["row"], held_out),
        target=codes[held_out.experiment.targets[located["row"]]],
        predicted=codes[located["predicted"]],
    )


def _lesions(rows: pd.Series[int], held_out: HeldOut) -> NDArray[np.str_]:
    lesions: NDArray[np.str_] = held_out.dataset.table["lesion_id"].to_numpy(dtype=str)[rows]
    return lesions


def _curve(traces: Sequence[Trace], lesion: dict[int, str], resamples: int, seed: int) -> Curve:
    steps = pd.DataFrame(np.stack([one.curve for one in traces]))
    lesions = [lesion[one.row] for one in traces]
    means = mean_intervals(steps, lesions, resamples, seed)
    shares = tuple(traces[0].shares.tolist())
    return Curve(shares=shares, values=tuple(map(Figure.of, means.values())))
