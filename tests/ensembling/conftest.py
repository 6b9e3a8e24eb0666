from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from skin.config import parse_config
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
    """Write a finished run: random models, and given shares of each held-out image."""

    def make(
        name: str,
        shares: Sequence[float] = (0.4, *[0.1] * 6),
        folds: Sequence[int] = (0, 1),
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
            predictions(number, shares).to_csv(fold.folder / "oof.csv", index=False)
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
