"""Small datasets whose every figure can be counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.analysis.exploration.cohort import Cohort
from skin.data.cache import CacheWriter
from skin.data.dataset import DatasetInfo, SourceInfo, tidy, write_dataset

MakeCohort = Callable[..., Cohort]


@pytest.fixture
def make_cohort(tmp_path: Path) -> MakeCohort:
    """Give a function that makes a cohort of rows; with `pixels`, one image a row, cached."""

    def make(
        rows: list[dict[str, object]], pixels: list[np.ndarray] | None = None, **settings: int
    ) -> Cohort:
        columns = ["patient_id", "dx_type", "age", "sex", "site"]
        given = pd.DataFrame(rows, columns=[*columns, "dx", "lesion_id", "width", "height"])
        number = [f"{i:04d}" for i in range(len(rows))]
        table = tidy(
            given.assign(
                image_id=[f"ISIC_{n}" for n in number],
                path="",
                source="made",
                split="train",
                sha256=[n.rjust(64, "a") for n in number],
                phash=[n.rjust(16, "b") for n in number],
                lesion_id=given["lesion_id"].fillna(pd.Series([f"HAM_{n}" for n in number])),
                width=given["width"].fillna(40),
                height=given["height"].fillna(30),
            )
        ).fillna({"path": "x"})
        info = DatasetInfo(
            name="made",
            source=SourceInfo(reader="csv", path="made.zip", fingerprint="0"),
            skipped=(),
            licence="CC0",
            citation="Nobody, 2020.",
        )
        root = tmp_path / "data" / "made"
        root.mkdir(parents=True, exist_ok=True)
        made = write_dataset(root, table, info)
        if pixels is not None:
            with CacheWriter(root, min(pixels[0].shape[:2])) as writer:
                for image, sha256 in zip(pixels, table["sha256"], strict=True):
                    writer.add(image, sha256)
        return Cohort.of(made, resamples=200, **settings)

    return make
