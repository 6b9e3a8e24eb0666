"""Held-out images under the models that never saw them: several runs side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from skin.analysis.blocks import Gallery, Photo, Strip
from skin.analysis.cases import Cases, Outcomes
from skin.analysis.explain import BATCH, Explained, Explainer, choose_methods
from skin.analysis.metrics import TIED
from skin.analysis.photos import image_photo, overlay_photos, say_verdict
from skin.data.loader import evaluation_loader
from skin.errors import SkinError, did_you_mean, name_some
from skin.runs import Run
from skin.taxonomy import mapping_between
from skin.training.held_out import HeldOut


@dataclass(frozen=True, eq=False)
class Looked:
    """What a run's models made of images, each of the model whose fold held it out.

    Attributes:
        outcomes: of the run.
        images: each image, as the models saw it.
        overlays: each image under its heatmaps.
    """

    outcomes: Outcomes
    images: Mapping[str, Photo]
    overlays: Mapping[str, Sequence[Photo]]


def explain_held_out(
    run: Run,
    outcomes: Outcomes,
    image_ids: Iterable[str],
    *,
    methods: Sequence[str],
    target: str | None,
    data_dir: Path,
    device: torch.device,
) -> Iterator[Explained]:
    """Explain images by the models that never saw them, each model loaded once.

    Args:
        run: whose models.
        outcomes: its out-of-fold predictions, maybe as a coarser task.
        image_ids: of `outcomes`; they come back fold by fold.
        methods: of `METHODS`, `attention` and `all`.
        target: the code of the class that the maps are for; none for the one that was decided, or
            of a coarser task the likeliest class within it.
        data_dir: where the datasets are.
        device: where to.

    Raises:
        SkinError: weights, dataset or folds are missing or not those of the training, the class
            is unknown, or the model cannot give what is asked for.
    """
    wanted: dict[int, list[str]] = {}
    for image_id in image_ids:
        wanted.setdefault(int(outcomes.folds[outcomes.row[image_id]]), []).append(image_id)
    for fold, ids in sorted(wanted.items()):
        held = HeldOut.find(run.fold(fold), data_dir)
        rows, among = _rows(held, ids), _among(held, outcomes, ids, target)
        network = held.load(device)
        chosen = choose_methods(methods, network, run.name)
        explainer = Explainer(network, held.task, chosen, device)
        metadata = held.metadata()
        start = 0
        for batch in evaluation_loader(held.images(), rows, BATCH, 0, pin_memory=False):
            part = slice(start, start + len(batch.rows))
            known = None if metadata is None else metadata[batch.rows]
            yield from explainer.explain(ids[part], batch.images, known, among[part])
            start = part.stop


def look(outcomes: Outcomes, explained: Iterable[Explained], side: int) -> Looked:
    """Make photographs of so many pixels of what a run's models made of images."""
    images, overlays = {}, {}
    for each in explained:
        images[each.image_id] = _image(outcomes, each, side)
        overlays[each.image_id] = _overlays(outcomes, each, side)
    return Looked(outcomes, images, overlays)


def galleries(cases: Sequence[Cases], looked: Sequence[Looked]) -> list[Gallery]:
    """Set cases as strips: the image, then each run's heatmaps over it.

    Args:
        cases: those without an image are left out.
        looked: of the runs, each with all the cases' images; the image itself is the first one's.
    """
    return [
        Gallery(
            name="cases-" + re.sub(r"[^a-z0-9]+", "-", each.title.lower()),
            title=f"{each.title}: {len(each.image_ids)} of {each.total:,}",
            strips=[_strip(image_id, looked) for image_id in each.image_ids],
        )
        for each in cases
        if each.image_ids
    ]


def _rows(held: HeldOut, image_ids: Sequence[str]) -> NDArray[np.int64]:
    """The images' rows in the dataset, all of which the fold must have held out."""
    held_out = held.dataset.table["image_id"].iloc[held.rows]
    row_of = dict(zip(held_out, held.rows.tolist(), strict=True))
    seen = [image_id for image_id in image_ids if image_id not in row_of]
    if seen:
        raise SkinError(
            f"{held.fold.folder / 'oof.csv'} predicts images that its fold did not hold out: "
            f"{name_some(seen)}; train the fold anew"
        )
    return np.array([row_of[image_id] for image_id in image_ids])


def _among(
    held: HeldOut, outcomes: Outcomes, image_ids: Sequence[str], target: str | None
) -> NDArray[np.bool_]:
    """The model's classes (N, C) that each image's maps may be for."""
    codes = held.task.codes
    if target is not None:
        if target not in codes:
            raise SkinError(
                f"--class {target}: {held.task.name} has no such class: "
                f"{did_you_mean(target, codes)}"
            )
        return np.tile(np.array(codes) == target, (len(image_ids), 1))
    part_of = np.array(mapping_between(held.task, outcomes.task))
    decided = outcomes.decided[[outcomes.row[image_id] for image_id in image_ids]]
    among: NDArray[np.bool_] = part_of == decided[:, None]
    among[decided == len(outcomes.task)] = True  # a tie is for no class: the model's likeliest
    return among


def _image(outcomes: Outcomes, explained: Explained, side: int) -> Photo:
    true = outcomes.task.classes[outcomes.targets[outcomes.row[explained.image_id]]]
    lines = (f"true {true.code}", true.name)
    return image_photo(explained, side, alt=f"{explained.image_id}, {true.name}", lines=lines)


def _overlays(outcomes: Outcomes, explained: Explained, side: int) -> list[Photo]:
    row = outcomes.row[explained.image_id]
    codes = (*outcomes.task.codes, TIED)
    target = outcomes.targets[row]
    true = codes[target], float(outcomes.probabilities[row, target])
    decided = codes[outcomes.decided[row]], float(outcomes.confidence[row])
    return overlay_photos(
        explained,
        side,
        of=outcomes.name,
        verdict=say_verdict(decided, true),
        tone="good" if outcomes.right[row] else "bad",
    )


def _strip(image_id: str, looked: Sequence[Looked]) -> Strip:
    photos = [looked[0].images[image_id]]
    for each in looked:
        photos += each.overlays[image_id]
    return Strip(image_id, photos)
