"""A run on images whose background and whose lesion each tell the class."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image
from torch import Tensor, nn

from skin.analysis.probes.subjects import Subject, find_subjects
from skin.config import load_config
from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.dataset import find_dataset
from skin.data.folds import make_folds
from skin.data.sources.csv import Columns, CsvSource
from skin.runs import Run
from skin.training.held_out import HeldOut
from skin.training.run import train_run

DX = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")
LEVELS = torch.linspace(60, 240, len(DX))  # of a class, in red behind the lesion and in blue on it
SIDE = 40
RADIUS = 9
TINY = {
    "data": {"image_size": 32},
    "augment": {
        "train": [{"RandomResizedCrop": {}}],
        "evaluate": [{"SmallestMaxSize": {}}, {"CenterCrop": {}}],
    },
    "model": {"backbone": "test_resnet", "pretrained": False},
    "training": {"epochs": 1, "batch_size": 16, "eval_batch_size": 32, "precision": "fp32"},
    "runtime": {"device": "cpu", "workers": 0},
}


class Reader(nn.Module):
    """Decides by the mean of one channel over some pixels, and by nothing else."""

    def __init__(self, channel: int, rows: slice) -> None:
        super().__init__()
        self.channel, self.rows = channel, rows

    def forward(self, images: Tensor) -> Tensor:
        seen = images[:, self.channel, self.rows, self.rows].double().mean(dim=(1, 2))
        return (-((seen[:, None] - LEVELS) ** 2) / 100).log_softmax(1)


ON_BACKGROUND = Reader(0, slice(0, 2))
ON_LESION = Reader(2, slice(15, 17))


def draw_image(target: int, rng: np.random.Generator) -> np.ndarray:
    """Red tells the class around the lesion, blue on it, green is noise that differs much."""
    green = cv2.resize(rng.integers(0, 256, (6, 6), np.uint8), (SIDE, SIDE))
    level = float(LEVELS[target])
    inside = disc()
    red = np.where(inside, 128, level)
    blue = np.where(inside, level, 20)
    return np.dstack([red, green, blue]).astype(np.uint8)


def disc(radius: float = RADIUS) -> np.ndarray:
    at = np.arange(SIDE) - (SIDE - 1) / 2
    return np.hypot(at[:, None], at) <= radius


@pytest.fixture(scope="session")
def cues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data`, `masks` and the run `runs/plain` of two folds; not to be written."""
    root = tmp_path_factory.mktemp("cues")
    (root / "images").mkdir()
    (root / "masks").mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for lesion in range(len(DX) * 8):
        for view in range(1 + lesion % 2):
            name, target = f"I{lesion:03d}{view}", lesion % len(DX)
            Image.fromarray(draw_image(target, rng)).save(root / "images" / f"{name}.png")
            mask = Image.fromarray(disc(RADIUS + 2).astype(np.uint8) * 255)  # scaling blurs
            mask.save(root / "masks" / f"{name}_segmentation.png")
            lines.append({"image_id": name, "dx": DX[target], "lesion": f"L{lesion:03d}"})
    pd.DataFrame(lines).to_csv(root / "labels.csv", index=False)
    source = CsvSource(Archive(root / "images"), root / "labels.csv", Columns(lesion_id="lesion"))
    add_dataset(source, root / "data", name="cues", short_side=SIDE)
    make_folds(find_dataset(root / "data"), k=2, seed=0)
    (root / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    train_run(load_config(root / "tiny.yaml"), Run(root / "runs" / "plain"), "all", root / "data")
    return root


@pytest.fixture
def place(cues: Path, tmp_path: Path) -> Path:
    """A copy of its own, with data and masks linked."""
    for name in ("data", "masks"):
        (tmp_path / name).symlink_to(cues / name)
    shutil.copytree(cues / "runs", tmp_path / "runs")
    return tmp_path


@pytest.fixture
def subject(place: Path) -> Callable[..., Subject]:
    """Find the run as a probe's subject."""

    def find(images: int | None = None, seed: int = 0, folds: str = "all") -> Subject:
        (found,) = find_subjects(
            ["plain"],
            runs_dir=place / "runs",
            ensembles_dir=place / "ensembles",
            data_dir=place / "data",
            folds=folds,
            images=images,
            seed=seed,
        )
        return found

    return find


@pytest.fixture
def decide_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a model that looks at the `background` or the `lesion` alone in every fold's place."""

    def put(what: str) -> None:
        model = {"background": ON_BACKGROUND, "lesion": ON_LESION}[what]
        monkeypatch.setattr(HeldOut, "load", lambda _self, _device: model.eval())

    return put
