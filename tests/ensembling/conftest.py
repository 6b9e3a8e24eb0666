from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from skin.config import parse_config
from skin.ensembling.oof import OutOfFold
from skin.files import write_json
from skin.models.build import build_model
from skin.runs import Run, oof_columns
from skin.taxonomy import get_task
from skin.training.checkpoint import save_weights

TASK = get_task("isic2018")


def predictions(fold: int, shares: Sequence[float]) -> pd.DataFrame:
    """Two images of one lesion, the same shares of each."""
    keys = pd.DataFrame(
        {"image_id": [f"I{fold}0", f"I{fold}1"], "lesion_id": f"L{fold}", "fold": fold}
    ).assign(target="NV")
    values = np.tile([*shares, *np.log(shares)], (2, 1))
    return keys.join(pd.DataFrame(values, columns=oof_columns(TASK)[4:]))


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """Write a finished run: random models, and given shares of each held-out image, or tables."""

    def make(
        name: str,
        shares: Sequence[float] = (0.4, *[0.1] * 6),
        folds: Sequence[int] = (0, 1),
        tables: Mapping[int, pd.DataFrame] | None = None,
        **metadata: object,
    ) -> Run:
        run = Run(tmp_path / "runs" / name)
        config = parse_config(
            {"data": {"image_size": 32}, "model": {"backbone": "test_resnet", "pretrained": False}},
            "test",
        )
        for number in folds:
            fold = run.fold(number)
            fold.folder.mkdir(parents=True)
            config.save(fold.folder / "config.yaml")
            torch.manual_seed(number)
            save_weights(fold.weights, build_model(config))
            table = predictions(number, shares) if tables is None else tables[number]
            table.to_csv(fold.folder / "oof.csv", index=False)
            known = {
                "task": "isic2018",
                "classes": list(TASK.codes),
                "status": "finished",
                "tta": "none",
                "leaking": False,
                "chosen_on_held_out": True,
                "parameters": 1000,
                "seconds": 2.5,
                "precision": "fp32",
                "folds_hash": "f" * 64,
            }
            write_json(fold.folder / "metadata.json", known | metadata)
        return run

    return make


@pytest.fixture
def simulate() -> Callable[..., OutOfFold]:
    """Simulate runs: log-probabilities of random images of random classes, alike within a lesion.

    `skill` is how far the true class's logit is raised, for each run; 0 knows nothing.
    """

    def make(
        skill: Sequence[float] = (2.0, 1.5),
        lesions: int = 150,
        folds: int = 3,
        seed: int = 0,
        task: str = "isic2018",
    ) -> OutOfFold:
        rng = np.random.default_rng(seed)
        known = get_task(task)
        shares = np.array([0.15, 0.4, 0.1, 0.1, 0.15, 0.05, 0.05])[: len(known)]
        of_lesion = rng.choice(len(known), lesions, p=shares / shares.sum())
        of_lesion[: 3 * len(known)] = np.tile(np.arange(len(known)), 3)  # each in each fold
        lesion = np.repeat(np.arange(lesions), 2)
        targets = of_lesion[lesion].astype(np.int64)
        logits = rng.normal(size=(len(skill), len(targets), len(known)))
        logits[:, np.arange(len(targets)), targets] += np.array(skill)[:, None]
        part = np.arange(lesions) // len(known) % folds
        return OutOfFold(
            task=known,
            names=tuple(f"run{i}" for i in range(len(skill))),
            log_probabilities=logits - np.logaddexp.reduce(logits, axis=2, keepdims=True),
            targets=targets,
            lesions=np.char.add("L", lesion.astype(str)),
            parts=part[lesion].astype(np.int64),
            image_ids=np.array([f"I{i:05d}" for i in range(len(targets))]),
        )

    return make


@pytest.fixture
def write_runs(make_run: Callable[..., Run]) -> Callable[..., list[Run]]:
    """Write simulated predictions as runs."""

    def write(oof: OutOfFold, **metadata: object) -> list[Run]:
        keys = pd.DataFrame(
            {
                "image_id": oof.image_ids,
                "lesion_id": oof.lesions,
                "fold": oof.parts,
                "target": np.array(oof.task.codes)[oof.targets],
            }
        )
        runs = []
        for name, values in zip(oof.names, oof.log_probabilities, strict=True):
            columns = oof_columns(oof.task)[len(keys.columns) :]
            table = keys.join(pd.DataFrame(np.hstack([np.exp(values), values]), columns=columns))
            tables = {int(fold): part for fold, part in table.groupby("fold")}
            runs.append(make_run(name, folds=sorted(tables), tables=tables, **metadata))
        return runs

    return write
