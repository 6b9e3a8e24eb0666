"""What is trained on: synthetic images or the user's own, and the same as a folder of JPEGs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from skin.config import Config
from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.folds import Parts, make_folds
from skin.data.sources.ham10000 import Ham10000
from skin.data.synthetic import write_synthetic
from skin.errors import SkinError
from skin.training.plan import FoldPlan, plan_fold, resolve

_FOLDS = 3
# Few enough to lie in the system's page cache: reading a disk is not what is measured.
_MOST_IMAGES = 1000


def write_dataset(root: Path, *, lesions: int, width: int, short_side: int) -> Path:
    """Draw, add and split a synthetic dataset; give its data folder.

    Args:
        root: an empty folder.
        lesions: how many, of one to six images each.
        width: of the images in pixels; HAM10000's are 600 x 450.
        short_side: of the cache.
    """
    write_synthetic(root / "source", lesions=lesions, width=width)
    source = Ham10000(Archive(root / "source"))
    added = add_dataset(source, root / "data", name="synthetic", short_side=short_side)
    make_folds(added.dataset, _FOLDS)
    return root / "data"


def plan(config: Config, data_dir: Path) -> FoldPlan:
    """Plan fold 0 with a training part that fits into memory, and one batch held out.

    Raises:
        SkinError: as `resolve` and `plan_fold`.
    """
    planned = plan_fold(resolve(config, data_dir), 0)
    # Whatever the dataset's size, validation sees one whole batch, as in a real training.
    held_out = np.resize(planned.parts.held_out, config.training.eval_batch_size)
    training = replace(planned.training, rows=_some(planned))
    return replace(planned, parts=Parts(training.rows, held_out, held_out), training=training)


def with_epochs(planned: FoldPlan, batches: int, epochs: int = 1) -> FoldPlan:
    """Give the plan with that many epochs of that many batches."""
    config = planned.config
    images = batches * config.training.batch_size
    changed = config.model_copy(
        update={
            "sampler": config.sampler.model_copy(update={"epoch_images": images}),
            "training": config.training.model_copy(update={"epochs": epochs}),
        }
    )
    return replace(planned, experiment=replace(planned.experiment, config=changed))


def export_files(planned: FoldPlan, folder: Path) -> None:
    """Copy the training part's image files, as they came, to a folder of each class.

    Raises:
        SkinError: the dataset's source is no longer there.
    """
    dataset = planned.experiment.dataset
    try:
        archive = Archive(Path(dataset.info.source.path))
    except SkinError as error:
        raise SkinError(
            f"timm's recipe reads the images of '{dataset.name}' from their source: {error}"
        ) from error
    table = dataset.table.iloc[planned.parts.train]
    for image_id, dx, ref in zip(table["image_id"], table["dx"], table["path"], strict=True):
        path = folder / dx / f"{image_id}{PurePosixPath(ref).suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archive.read(ref))


def _some(planned: FoldPlan) -> NDArray[np.int64]:
    """The training rows, or at most `_MOST_IMAGES` of them with each class among them."""
    rows = planned.parts.train
    if len(rows) <= _MOST_IMAGES:
        return rows
    shuffled = np.random.default_rng(0).permutation(rows)
    _, first = np.unique(planned.experiment.targets[shuffled], return_index=True)
    return np.union1d(shuffled[first], shuffled[:_MOST_IMAGES])
