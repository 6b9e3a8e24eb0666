"""Making an ensemble of runs: its out-of-fold predictions and its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.ensembling.combine import Combiner, Mean
from skin.ensembling.ensemble import describe
from skin.errors import SkinError
from skin.files import replacing
from skin.runs import OOF_KEYS, Run, logit_columns, oof_columns


def mean_ensemble(runs: list[Run], folder: Path) -> pd.DataFrame:
    """Average runs (and the folds of each) into `folder`; give the out-of-fold predictions.

    Each image's prediction is the mean over the runs of the one model of each run that never saw
    its lesion. New images are predicted by all models.

    Raises:
        SkinError: the runs are not of the same folds and images.
    """
    combiner = Mean.equal(len(runs))
    tables = _aligned(runs)
    table = combine_oof(runs, tables, combiner)
    ensemble = describe(runs, combiner, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "oof.csv") as temporary:
        table.to_csv(temporary, index=False)
    ensemble.save(folder)
    return table


def combine_oof(runs: list[Run], tables: list[pd.DataFrame], combiner: Combiner) -> pd.DataFrame:
    """Combine the runs' aligned tables of out-of-fold predictions into one."""
    task = runs[0].task
    columns = logit_columns(task)
    each: NDArray[np.float64] = np.stack([t[columns].to_numpy(np.float64) for t in tables])
    combined = combiner.combine(each)
    values = np.hstack([np.exp(combined), combined])
    keys = tables[0][list(OOF_KEYS)]
    return pd.concat(
        [keys, pd.DataFrame(values, columns=oof_columns(task)[len(OOF_KEYS) :])], axis=1
    )


def _aligned(runs: list[Run]) -> list[pd.DataFrame]:
    """The runs' out-of-fold predictions with their rows in the same order."""
    _require_same_folds(runs)
    tables = [run.oof() for run in runs]
    for run, table in zip(runs[1:], tables[1:], strict=True):
        if not table[list(OOF_KEYS)].equals(tables[0][list(OOF_KEYS)]):
            raise SkinError(
                f"runs '{runs[0].name}' and '{run.name}' do not predict the same images of the "
                "same folds; train both on the same dataset"
            )
    return tables


def _require_same_folds(runs: list[Run]) -> None:
    """Refuse runs of other folds: a member could have seen what another is judged on."""
    hashes = {run.name: run.finished_folds()[0].metadata()["folds_hash"] for run in runs}
    if len(set(hashes.values())) > 1:
        listed = ", ".join(f"{name}: {value[:8]}" for name, value in hashes.items())
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
