"""The passes over a fold's images: where maps lie, what hangs on them, what randomness changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from skin.analysis.heatmaps import to_image_size
from skin.analysis.localisation import faithfulness, measures, sanity
from skin.analysis.localisation.others import Others
from skin.analysis.localisation.results import TRACED
from skin.analysis.localisation.settings import THRESHOLDS
from skin.analysis.localisation.views import View, Views
from skin.models.build import LesionClassifier

_TIES, _RANDOM = 2, 3  # streams of random numbers apart from the sample's and the thresholds'
_FITTED = 2  # batches that batch normalisation is fitted to, where weights are random

FloatArray = NDArray[np.float64]
Advance = Callable[[int], None]


class Located(NamedTuple):
    """Where the maps of a fold lie.

    Attributes:
        table: a row an image (`row`) and map (`map`), with the figures that need no threshold.
        ious: (rows of the table, T) at each threshold.
        ious_gaussian: the centred Gaussian's.
        blank: rows of the dataset whose view cannot be judged (see `View.judged`); the table leaves
            them out.
    """

    table: pd.DataFrame
    ious: FloatArray
    ious_gaussian: FloatArray
    blank: tuple[int, ...]


class Trace(NamedTuple):
    """The curves of one kind, of one map of one image.

    Attributes:
        kind: `deletion` or `insertion`, with `_random` for a random order of the cells.
        curve: (K + 1,) probabilities.
        shares: (K + 1,) of the cells.
    """

    row: int
    map: str
    kind: str
    curve: FloatArray
    shares: FloatArray


class Similarity(NamedTuple):
    """The rank correlation of an image's map with that of random weights, by stage."""

    row: int
    map: str
    stage: str
    value: float


def locate(
    model: LesionClassifier,
    views: Views,
    rows: NDArray[np.int64],
    methods: Sequence[str],
    others: Others,
    *,
    advance: Advance,
) -> Located:
    """Measure each map against its image's mask, and against those of all other lesions.

    Args:
        model: of the fold that held the rows out, in evaluation mode.
        views: of that fold.
        rows: of the dataset's table.
        methods: of class activation maps.
        others: with the masks of all folds' rows; the maps are added to it.
        advance: called with the number of images after each batch.
    """
    tables, ious, ious_gaussian = [], [], []
    blank: list[int] = []
    for whole in views.of(rows):
        view = whole.of_lesions()
        blank += sorted(set(whole.rows.tolist()) - set(view.rows.tolist()))
        if len(view.rows):
            classes = view.predict(model)
            blind, blind_ious = _blind(view)
            for name, maps in view.maps(model, classes, methods).items():
                large = to_image_size(torch.from_numpy(maps), view.masks.shape[-1]).numpy()
                known = {"row": view.rows, "map": name, "predicted": classes.cpu().numpy()}
                own = {
                    "empty": ~maps.any(axis=(1, 2)),
                    "height": maps.shape[1],
                    "width": maps.shape[2],
                    "energy": measures.energy(large, view.masks),
                    "pointing": measures.pointing(large, view.masks),
                }
                own |= others.on_other_masks(name, large, view)
                tables.append(pd.DataFrame(known | own | blind))
                ious.append(measures.overlap(large, view.masks))
                ious_gaussian.append(blind_ious)
        advance(len(whole.rows))
    none = np.empty((0, len(THRESHOLDS)))
    return Located(
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(),
        np.concatenate([none, *ious]),
        np.concatenate([none, *ious_gaussian]),
        tuple(blank),
    )


def trace(
    model: LesionClassifier,
    views: Views,
    rows: NDArray[np.int64],
    methods: Sequence[str],
    *,
    seed: int,
    advance: Advance,
) -> list[Trace]:
    """Follow the predicted class in the order of each map, and in a random one of its cells.

    Args:
        model: of the fold that held the rows out, in evaluation mode.
        views: of that fold.
        rows: of the dataset's table.
        methods: of class activation maps.
        seed: of ties and of the random order, with the row.
        advance: called with the number of images after each batch.
    """
    traces = []
    for view in views.of(rows):
        classes = view.predict(model)
        random: dict[tuple[int, ...], faithfulness.Curves] = {}  # of a map's size
        for name, maps in view.maps(model, classes, methods).items():
            if maps.shape not in random:
                nowhere = np.ones_like(maps)
                random[maps.shape] = _curves(model, view, classes, nowhere, (seed, _RANDOM))
            ours = _curves(model, view, classes, maps, (seed, _TIES))
            for ending, curves in (("", ours), ("_random", random[maps.shape])):
                traces += [
                    Trace(row, name, kind + ending, curve, curves.shares)
                    for kind in TRACED
                    for row, curve in zip(view.rows.tolist(), getattr(curves, kind), strict=True)
                ]
        advance(len(view.rows))
    return traces


def randomise(
    model: LesionClassifier,
    fresh: LesionClassifier,
    views: Views,
    rows: NDArray[np.int64],
    methods: Sequence[str],
    *,
    advance: Advance,
) -> list[Similarity]:
    """Compare the maps with those of ever more random weights, for the same classes.

    Args:
        model: of the fold that held the rows out, in evaluation mode; its weights are lost.
        fresh: the same architecture untrained, on the same device.
        views: of that fold.
        rows: of the dataset's table.
        methods: of class activation maps.
        advance: called with the number of images after each batch of each stage.

    """
    trained = []
    fitted: list[View] = []
    for view in views.of(rows):
        classes = view.predict(model)
        trained.append((classes, view.maps(model, classes, methods)))
        if len(fitted) < _FITTED:
            fitted.append(view)
    batches = [(view.images, view.metadata) for view in fitted]
    compared = []
    for stage in sanity.cascade(model, fresh, batches):
        for view, (classes, before) in zip(views.of(rows), trained, strict=True):
            for name, maps in view.maps(model, classes, methods).items():
                values = sanity.similarity(before[name], maps).tolist()
                compared += [
                    Similarity(row, name, stage, value)
                    for row, value in zip(view.rows.tolist(), values, strict=True)
                ]
            advance(len(view.rows))
    return compared


def _blind(view: View) -> tuple[dict[str, FloatArray], FloatArray]:
    """What a map that knows nothing of the image reaches, and its IoUs (B, T)."""
    side = view.masks.shape[-1]
    gaussian = np.broadcast_to(measures.centred_gaussian(side), view.masks.shape)
    reached = {
        "area": measures.lesion_area(view.masks),
        "energy_gaussian": measures.energy(gaussian, view.masks),
        "pointing_gaussian": measures.pointing(gaussian, view.masks),
    }
    return reached, measures.overlap(gaussian, view.masks)


def _curves(
    model: LesionClassifier, view: View, classes: Tensor, maps: FloatArray, key: tuple[int, int]
) -> faithfulness.Curves:
    rngs = [np.random.default_rng([*key, row]) for row in view.rows.tolist()]
    ranks = faithfulness.rank_cells(maps, rngs)
    return faithfulness.trace(model, view.images, classes, ranks, view.metadata)
