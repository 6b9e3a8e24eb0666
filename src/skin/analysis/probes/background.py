"""The background probe: what a run's models make of the lesion alone, and of all but the lesion."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image

from skin.analysis.probes.altered import Predictor
from skin.analysis.probes.hiding import CONDITIONS, WHOLE, skin_colour, usable
from skin.analysis.probes.results import (
    BACKGROUND,
    CHANCE_AUC,
    BackgroundResult,
    Figure,
    HidingSettings,
    Shown,
)
from skin.analysis.probes.store import Origin, png_path, probes_folder, write_result
from skin.analysis.probes.subjects import Part, Subject
from skin.analysis.significance.pvalues import bootstrap_p, holm
from skin.analysis.statistics import Bootstrap, bootstrap, interval
from skin.console import progress
from skin.data.loader import AugmentedImages
from skin.data.masks import Masks, evaluate_with_mask, require_sound
from skin.errors import SkinError, name_some
from skin.files import locked, remove_leftovers, replacing, sha256_file
from skin.runs import probability_columns
from skin.taxonomy import Task

_EXAMPLES = 4  # images, each of another class


def require_masks(subject: Subject, masks: Masks) -> None:
    """Refuse masks that do not cover the images.

    Raises:
        SkinError: the message says how many lack one, and names some.
    """
    ids = subject.keys["image_id"]
    missing = ids[~ids.isin(masks.ids)]
    if len(missing):
        raise SkinError(
            f"{masks.archive.root} has no mask of {len(missing):,} of the {len(ids):,} images to "
            f"probe: {name_some(missing)}; give the masks of dataset '{subject.dataset.name}'"
        )


def probe_background(
    subject: Subject,
    masks: Masks,
    device: torch.device,
    *,
    tta: str = "none",
    resamples: int = 2000,
) -> BackgroundResult:
    """Predict a run's images in every condition, and write what came of it into the run.

    Args:
        subject: the models and the images.
        masks: of all of these.
        device: where to predict.
        tta: the views of each image.
        resamples: of the intervals.

    Raises:
        SkinError: a mask is missing, unreadable or of another aspect than its image, no image can
            be judged, weights are damaged, or the run is being probed or cannot be written.
    """
    require_masks(subject, masks)
    folder = subject.run.folder
    origin = Origin.of(subject.run, [part.held_out.fold for part in subject.parts], subject.seed)
    with locked(probes_folder(folder), "probed"):
        remove_leftovers(probes_folder(folder))
        hides, skin = _judged(subject, masks)
        with progress() as bar:
            images = sum(len(hide.part.rows) for hide in hides)
            task = bar.add_task(subject.run.name, total=len(CONDITIONS) * images)
            tables = [_predict(hide, device, tta, lambda n: bar.advance(task, n)) for hide in hides]
        table = pd.concat(tables).sort_values(["condition", "image_id"], ignore_index=True)
        whole = table[table["condition"] == WHOLE]
        chance = 1 / whole["target"].nunique()
        path = png_path(folder, BACKGROUND)
        examples = _write_examples(path, hides)
        result = BackgroundResult(
            origin=origin,
            task=subject.task.name,
            masks=masks.archive.root.name,
            settings=HidingSettings.of(
                tta,
                device.type,
                whole["image_id"],
                (masks.archive.read(masks.refs[image_id]) for image_id in whole["image_id"]),
            ),
            images=len(whole),
            lesions=whole["lesion_id"].nunique(),
            left_out=subject.images - len(whole),
            resamples=resamples,
            chance=chance,
            conditions=score(table, subject.task, chance, resamples=resamples, seed=origin.seed),
            skin=tuple(skin.tolist()),
            examples=examples,
            examples_sha256=sha256_file(path),
        )
        write_result(folder, BACKGROUND, result, table)
    return result


def score(
    table: pd.DataFrame, task: Task, chance: float, *, resamples: int, seed: int
) -> dict[str, Shown]:
    """Score a table of predictions, a row an image and condition, by condition.

    Args:
        table: `condition`, `target`, `lesion_id` and the probabilities.
        task: that these are of.
        chance: the BACC of guessing.
        resamples: of the bootstrap.
        seed: of the resamples.
    """
    boots = {
        name: _bootstrap(table[table["condition"] == name], task, resamples, seed)
        for name in CONDITIONS
    }
    whole = boots[WHOLE]
    p_values = _p_values(
        {name: boot for name, boot in boots.items() if CONDITIONS[name].background}, chance
    )
    return {
        name: Shown(
            bacc=Figure.of(boot.interval("bacc")),
            malignant_auc=(
                None
                if math.isnan(boot.scores.malignant_auc)
                else Figure.of(boot.interval("malignant_auc"))
            ),
            kept=None if name == WHOLE else _kept(boot, whole, chance),
            bacc_p=p_values.get((name, "bacc")),
            malignant_auc_p=p_values.get((name, "malignant_auc")),
        )
        for name, boot in boots.items()
    }


def _bootstrap(rows: pd.DataFrame, task: Task, resamples: int, seed: int) -> Bootstrap:
    index = {code: place for place, code in enumerate(task.codes)}
    return bootstrap(
        np.array(rows["target"].map(index), np.int64),
        rows[probability_columns(task)].to_numpy(dtype=np.float64),
        rows["lesion_id"].to_numpy(dtype=str),
        task,
        resamples=resamples,
        seed=seed,
    )


def _p_values(boots: Mapping[str, Bootstrap], chance: float) -> dict[tuple[str, str], float]:
    """Test each condition's two scores against chance, as one family; undefined ones are left out.

    Returns:
        (condition, score) -> the corrected p-value.
    """
    raw: dict[tuple[str, str], float] = {}
    for name, boot in boots.items():
        raw[name, "bacc"] = bootstrap_p(boot.samples["bacc"] - chance)
        if not math.isnan(boot.scores.malignant_auc):
            raw[name, "malignant_auc"] = bootstrap_p(boot.samples["malignant_auc"] - CHANCE_AUC)
    return dict(zip(raw, holm([*raw.values()]).tolist(), strict=True))


def _kept(boot: Bootstrap, whole: Bootstrap, chance: float) -> Figure | None:
    """The share of the skill that is kept, on the same resamples; their order is the images'."""
    if whole.interval("bacc").low <= chance:
        return None
    skill = whole.samples["bacc"] - chance
    shares = (boot.samples["bacc"] - chance) / np.where(skill > 0, skill, np.nan)
    value = (boot.scores.bacc - chance) / (whole.scores.bacc - chance)
    return Figure.of(interval(value, shares))


@dataclass(frozen=True, eq=False)
class _Hide:
    """Hides the lesion, or what is around it; way 0 is the first of `CONDITIONS`.

    Attributes:
        part: the fold, and the rows that can be judged.
        images: as they are evaluated, by row.
        masks: by image id.
        skin: the colour (3,) that stands for any skin.
    """

    part: Part
    images: AugmentedImages
    masks: Masks
    skin: NDArray[np.uint8]

    def pairs(self) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """The ids and pixels of the part's images."""
        for image_id, row in zip(self.part.keys["image_id"], self.part.rows, strict=True):
            yield image_id, self.images.images[row]

    def evaluated(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The image (S, S, 3) as it is evaluated, and its mask (S, S)."""
        image = self.images.images[row]
        image_id = str(self.part.held_out.dataset.table["image_id"].iloc[row])
        mask = self.masks.for_image(image_id, image)
        return evaluate_with_mask(self.images.pipeline, image, mask, row)

    def __call__(self, image: NDArray[np.uint8], row: int, way: int) -> NDArray[np.uint8]:
        condition = list(CONDITIONS.values())[way]
        return condition.apply(image, self.evaluated(row)[1], self.skin)


def _judged(subject: Subject, masks: Masks) -> tuple[list[_Hide], NDArray[np.uint8]]:
    """Leave out images with no lesion, or too little around it; and give the others' mean skin."""
    every_part = [
        _Hide(part, part.held_out.images(), masks, np.zeros(3, np.uint8)) for part in subject.parts
    ]
    require_sound(masks, (pair for every in every_part for pair in every.pairs()))
    colours, hides = [], []
    for every in every_part:
        part, rows = every.part, []
        for row in part.rows.tolist():
            image, mask = every.evaluated(row)
            if usable(mask):
                rows.append(row)
                colours.append(skin_colour(image, mask))
        if rows:
            hides.append(replace(every, part=Part(part.held_out, np.array(rows, np.int64))))
    if not hides:
        raise SkinError(
            f"{masks.archive.root}: no mask of the {subject.images:,} images leaves enough skin "
            "around a lesion; are the masks inverted?"
        )
    skin = np.rint(np.mean(colours, axis=0)).astype(np.uint8)
    return [replace(hide, skin=skin) for hide in hides], skin


def _predict(
    hide: _Hide, device: torch.device, tta: str, on_batch: Callable[[int], None]
) -> pd.DataFrame:
    """A fold's probabilities, a row a condition and image."""
    part = hide.part
    columns = probability_columns(part.held_out.task)
    each = Predictor.load(part, device, tta).predict(hide, len(CONDITIONS), on_batch)
    tables = [
        pd.concat([part.keys.assign(condition=name), pd.DataFrame(one, columns=columns)], axis=1)
        for name, one in zip(CONDITIONS, each, strict=True)
    ]
    return pd.concat(tables)


def _write_examples(path: Path, hides: Sequence[_Hide]) -> dict[str, str]:
    """Draw some images in each condition: a row an image, a column a condition.

    Returns:
        The images' ids and classes, in order of the rows.
    """
    tables = [hide.part.keys.assign(fold=i, row=hide.part.rows) for i, hide in enumerate(hides)]
    table = pd.concat(tables).sort_values("image_id").drop_duplicates("target")[:_EXAMPLES]
    strips = []
    for at, row in zip(table["fold"], table["row"], strict=True):
        hide = hides[at]
        image, mask = hide.evaluated(row)
        ways = [each.apply(image, mask, hide.skin) for each in CONDITIONS.values()]
        strips.append(np.hstack(ways))
    with replacing(path) as temporary:
        Image.fromarray(np.vstack(strips)).save(temporary, "PNG")
    return dict(zip(table["image_id"], table["target"], strict=True))
