"""Made-up runs in the layout that training leaves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.taxonomy import TASKS

TASK = TASKS["isic2018"]


@dataclass(frozen=True)
class Workspace:
    """Writes runs and ensembles over one made-up set of lesions.

    `skill` is what the true class gains on the others in logits: 0 is chance.
    """

    root: Path
    images: int = 240
    lesions: int = 180

    @property
    def folders(self) -> tuple[Path, Path]:
        """Where the runs are, and where the ensembles are."""
        return self.root / "runs", self.root / "ensembles"

    def truth(self) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        lesion = np.concatenate(
            [np.arange(self.lesions), rng.integers(self.lesions, size=self.images - self.lesions)]
        )
        target = np.array(TASK.codes)[lesion % len(TASK)]
        return pd.DataFrame(
            {
                "image_id": [f"ISIC_{i:07d}" for i in range(self.images)],
                "lesion_id": [f"HAM_{i:07d}" for i in lesion],
                "fold": lesion // len(TASK) % 3,
                "target": target,
            }
        )

    def predictions(self, skill: float, seed: int) -> pd.DataFrame:
        truth = self.truth()
        logits = np.random.default_rng(seed).normal(size=(len(truth), len(TASK)))
        logits += skill * (truth["target"].to_numpy()[:, None] == np.array(TASK.codes))
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        for i, code in enumerate(TASK.codes):
            truth[f"prob_{code}"] = np.exp(logits[:, i])
        for i, code in enumerate(TASK.codes):
            truth[f"logit_{code}"] = logits[:, i]
        return truth

    def run(self, name: str, skill: float = 2.0, seed: int = 1, **metadata: object) -> Path:
        """Write a run of three folds; `metadata` replaces what is recorded of each."""
        folder = self.root / "runs" / name
        for fold, oof in self.predictions(skill, seed).groupby("fold"):
            self._write_fold(folder / f"fold{fold}", int(fold), oof, metadata)
        return folder

    def ensemble(
        self,
        name: str,
        skill: float = 3.0,
        seed: int = 2,
        weights: Sequence[float] | None = None,
        **metadata: object,
    ) -> Path:
        """Write an ensemble; `weights` of the classes make the scores of a decision rule."""
        folder = self.root / "ensembles" / name
        folder.mkdir(parents=True)
        oof = self.predictions(skill, seed)
        if weights is not None:
            for code, weight in zip(TASK.codes, weights, strict=True):
                oof[f"score_{code}"] = weight * oof[f"prob_{code}"]
        oof.to_csv(folder / "oof.csv", index=False)
        values = {
            "task": TASK.name,
            "leaking": False,
            "chosen_on_held_out": True,
            "tta": "none",
        } | metadata
        (folder / "ensemble.json").write_text(json.dumps(values))
        return folder

    def _write_fold(
        self, folder: Path, fold: int, oof: pd.DataFrame, metadata: dict[str, object]
    ) -> None:
        folder.mkdir(parents=True)
        oof.to_csv(folder / "oof.csv", index=False)
        epochs = pd.DataFrame({"epoch": range(1, 7), "stage": ["head"] * 2 + ["all"] * 4})
        epochs["lr"] = 1e-3
        epochs["train_loss"] = 2 / epochs["epoch"] + fold / 20
        epochs["valid_loss"] = 2.2 / epochs["epoch"] + fold / 15
        epochs["valid_bacc"] = 0.8 - 0.6 / epochs["epoch"] - fold / 40
        epochs["valid_accuracy"] = 0.85 - 0.5 / epochs["epoch"]
        epochs["images_per_s"] = 310.0
        epochs["seconds"] = 10.25
        epochs.to_csv(folder / "history.csv", index=False)
        values = {
            "task": TASK.name,
            "fold": fold,
            "status": "finished",
            "best_epoch": 6,
            "epochs": 6,
            "seconds": 61.5,
            "images_per_s": 310.0,
            "parameters": 4_012_672,
            "train_images": self.images - len(oof),
            "leaking": False,
            "chosen_on_held_out": True,
            "tta": "none",
        } | metadata
        (folder / "metadata.json").write_text(json.dumps(values))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)
