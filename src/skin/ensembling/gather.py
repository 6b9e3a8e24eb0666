"""The runs' out-of-fold predictions, aligned, or a reason why they cannot stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.metrics import FloatArray
from skin.data.dataset import find_dataset
from skin.data.encode import encode_metadata
from skin.ensembling.oof import OutOfFold
from skin.ensembling.reevaluate import out_of_fold
from skin.errors import SkinError, name_some
from skin.runs import OOF_KEYS, Run, logit_columns


def gather(
    runs: Sequence[Run],
    *,
    tta: str | None = None,
    metadata: bool = False,
    data_dir: Path,
    device: str = "auto",
) -> OutOfFold:
    """Align the runs' out-of-fold predictions.

    Args:
        runs: of one task.
        tta: the views to predict with; none takes the predictions as they are.
        metadata: whether age, sex and site are wanted, too.
        data_dir: where the dataset is, for other views and for metadata.
        device: to predict anew on.

    Raises:
        SkinError: the runs are not of the same classes, folds and images, a prediction is NaN, or
            the dataset is wanted and is not the one trained on.
    """
    _require_same_classes(runs)
    _require_same_folds(runs)
    tables = [run.oof() if tta is None else out_of_fold(run, tta, data_dir, device) for run in runs]
    for run, table in zip(runs[1:], tables[1:], strict=True):
        if not table[list(OOF_KEYS)].equals(tables[0][list(OOF_KEYS)]):
            raise SkinError(
                f"runs '{runs[0].name}' and '{run.name}' do not predict the same images of the "
                "same folds; train both on the same dataset"
            )
    task, keys = runs[0].task, tables[0]
    index = {code: i for i, code in enumerate(task.codes)}
    return OutOfFold(
        task=task,
        names=tuple(run.name for run in runs),
        log_probabilities=np.stack(
            [_log_probabilities(run, table) for run, table in zip(runs, tables, strict=True)]
        ),
        targets=np.array(keys["target"].map(index), np.int64),
        lesions=keys["lesion_id"].to_numpy(str),
        parts=keys["fold"].to_numpy(np.int64),
        image_ids=keys["image_id"].to_numpy(str),
        metadata=_metadata(runs[0], keys, data_dir) if metadata else None,
    )


def _log_probabilities(run: Run, table: pd.DataFrame) -> FloatArray:
    """(N, C), normalised."""
    values = table[logit_columns(run.task)].to_numpy(np.float64)
    valid = (values <= 0).all(axis=1) & np.isfinite(values).any(axis=1)  # a NaN is not
    bad = np.flatnonzero(~valid)
    if len(bad):
        raise SkinError(
            f"{run.folder}: the log-probabilities of {name_some(table['image_id'].iloc[bad])} are "
            "no numbers up to 0; train the fold anew"
        )
    normalised: FloatArray = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
    return normalised


def _metadata(run: Run, keys: pd.DataFrame, data_dir: Path) -> NDArray[np.float32]:
    """Age, sex and site of each image (N, M), from the dataset that the run was trained on."""
    first = run.finished_folds()[0].metadata()
    dataset = find_dataset(data_dir, first["dataset"])
    if dataset.hash != first["dataset_hash"]:
        raise SkinError(
            f"dataset '{dataset.name}' in {data_dir} is not the one that {run.folder} was trained "
            "on; its metadata cannot be used"
        )
    rows = dataset.table.set_index("image_id").loc[keys["image_id"]]
    return encode_metadata(rows)


def _require_same_classes(runs: Sequence[Run]) -> None:
    """Refuse runs whose classes stand in another order than the task's."""
    for run in runs:
        for fold in run.finished_folds():
            classes = fold.metadata()["classes"]
            if tuple(classes) != run.task.codes:
                raise SkinError(
                    f"{fold.folder} was trained with the classes {', '.join(classes)}, but the "
                    f"order of {run.task.name} is {', '.join(run.task.codes)}; train it anew"
                )


def _require_same_folds(runs: Sequence[Run]) -> None:
    """Refuse runs of other folds: a member could have seen what another is judged on."""
    hashes = {
        run.name: {fold.metadata()["folds_hash"] for fold in run.finished_folds()} for run in runs
    }
    if len(set.union(*hashes.values())) > 1:
        listed = ", ".join(
            f"{name}: {' and '.join(sorted(value[:8] for value in values))}"
            for name, values in hashes.items()
        )
        raise SkinError(
            f"the runs were made on different folds ({listed}), so that one could have trained on "
            "lesions that another holds out; train them on the same folds"
        )
    finished = {run.name: [fold.fold for fold in run.finished_folds()] for run in runs}
    if len({tuple(numbers) for numbers in finished.values()}) > 1:
        listed = "; ".join(f"{name} has {numbers}" for name, numbers in finished.items())
        raise SkinError(
            f"the runs have different finished folds ({listed}): train the missing ones"
        )
