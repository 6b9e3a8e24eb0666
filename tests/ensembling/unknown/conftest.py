from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from skin.files import sha256_file
from skin.runs import FoldRun, Run, oof_columns
from skin.taxonomy import get_task

TASK = get_task("isic2019")


def write_outliers(fold: FoldRun, table: pd.DataFrame) -> None:
    """Write a fold's outlier files, with made-up statistics."""
    path = fold.folder / "outliers.csv"
    table.to_csv(path, index=False)
    made = {"weights_sha256": sha256_file(fold.weights), "table_sha256": sha256_file(path)}
    tensors = {"means": np.zeros((8, 2), np.float32), "whitening": np.eye(2, dtype=np.float32)}
    save_file(tensors, fold.folder / "features.safetensors", {"made_of": json.dumps(made)})


@pytest.fixture(name="write_outliers")
def write_outliers_fixture() -> Callable[[FoldRun, pd.DataFrame], None]:
    return write_outliers


@pytest.fixture
def outlier_run(make_run: Callable[..., Run]) -> Callable[..., Run]:
    """Write a run of three folds on isic2019 with outlier scores.

    A fold holds out six lesions of two images of each class, and `outside` lesions outside them.
    All scores are noise; `skill` of a score raises it by that many deviations outside. `offset`
    and `scale` of a fold are those of its model's scores.
    """

    def make(
        name: str,
        scores: Sequence[str] = ("max_probability", "entropy", "energy", "mahalanobis"),
        *,
        outside: int = 10,
        skill: dict[str, float] | None = None,
        seed: int = 0,
    ) -> Run:
        rng = np.random.default_rng(seed)
        oof, outliers = {}, {}
        for fold in range(3):
            lesions = [(code, i) for code in TASK.codes for i in range(6)]
            lesions += [("UNK", i) for i in range(outside)]
            keys = pd.DataFrame(
                [
                    (f"I{fold}{code}{i}{image}", f"L{fold}{code}{i}", fold, code)
                    for code, i in lesions
                    for image in range(2)
                ],
                columns=["image_id", "lesion_id", "fold", "target"],
            )
            table = keys.copy()
            is_outside = (keys["target"] == "UNK").to_numpy()
            for score in scores:
                raw = rng.normal(size=len(keys)) + (skill or {}).get(score, 0.0) * is_outside
                table[score] = 10.0**fold * raw + 7 * fold
            known = keys[~is_outside].reset_index(drop=True)
            logits = rng.normal(size=(len(known), 8))
            logits[np.arange(len(known)), known["target"].map(TASK.codes.index)] += 3
            logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
            columns = oof_columns(TASK)[4:]
            values = pd.DataFrame(np.hstack([np.exp(logs), logs]), columns=columns)
            oof[fold], outliers[fold] = known.join(values), table
        run = make_run(name, folds=range(3), tables=oof, task="isic2019", classes=list(TASK.codes))
        for fold, table in outliers.items():
            write_outliers(run.fold(fold), table)
        return run

    return make
