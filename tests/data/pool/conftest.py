"""Small datasets whose every image and row a test sets by hand."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.dataset import Dataset
from skin.data.sources import ISIC, Split
from skin.data.sources.metadata import FIELDS

Row = Mapping[str, Any]


def picture(number: int) -> Image.Image:
    """A picture of its own for each number: fine dots on a blob."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(60, 200, (6, 8, 3), np.uint8))
    blob = np.asarray(coarse.resize((96, 72), Image.Resampling.BICUBIC)).astype(int)
    dots = np.kron(rng.integers(-50, 51, (18, 24, 1)), np.ones((4, 4, 1), int))
    return Image.fromarray(np.clip(blob + dots, 0, 255).astype(np.uint8))


def encode(image: Image.Image, quality: int = 95) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def encode_row(row: Row) -> bytes:
    """A row's file: `picture` by its number, or `copy_of` one, smaller and at a lower quality."""
    if "picture" in row:
        return encode(picture(row["picture"]))
    return encode(picture(row["copy_of"]).resize((80, 60), Image.Resampling.BICUBIC), 70)


@dataclass(frozen=True)
class Given:
    """A source of rows and pictures that a test wrote down."""

    archive: Archive
    table: pd.DataFrame
    split: Split
    namespace: str
    reader: str = "given"
    licence: str = "CC0"
    citation: str = "nobody"
    missing_hint: str = ""

    def fingerprint(self) -> str:
        return self.archive.fingerprint() + self.table.to_csv()

    def read(self) -> pd.DataFrame:
        return self.table.copy()


Make = Callable[..., Dataset]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Give a function that adds a dataset to `data/` of rows by image id, each with its file."""

    def make_dataset(
        name: str,
        rows: Mapping[str, Row],
        *,
        split: Split = "train",
        namespace: str = ISIC,
        short_side: int = 48,
        licence: str = "CC0",
    ) -> Dataset:
        folder = tmp_path / f"source-{name}"
        folder.mkdir(exist_ok=True)
        for image, row in rows.items():
            (folder / f"{image}.jpg").write_bytes(encode_row(row))
        table = pd.DataFrame(
            [
                {"lesion_id": image, "dx": "nv", **row, "image_id": image, "path": f"{image}.jpg"}
                for image, row in rows.items()
            ],
        )
        table = table.reindex(columns=[*FIELDS, "path"])
        for field in ("dx", "age", "sex", "site"):
            table[f"{field}_raw"] = table[field].astype("string") + " raw"
        source = Given(
            Archive(folder),
            table.assign(source="given", split=split),
            split,
            namespace,
            "given",
            licence,
        )
        added = add_dataset(
            source, tmp_path / "data", name=name, short_side=short_side, overwrite=True
        )
        return added.dataset

    return make_dataset


@pytest.fixture
def encoded() -> Callable[[Row], bytes]:
    """Give a function that makes a row's file."""
    return encode_row


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"
