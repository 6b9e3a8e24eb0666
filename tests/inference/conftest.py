from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from skin.config import Config, parse_config
from skin.files import write_json
from skin.inference.inputs import InputImage
from skin.inference.shards import Shard, Shards
from skin.models.build import build_model
from skin.runs import Run
from skin.taxonomy import get_task
from skin.training.checkpoint import save_weights


def encode(seed: int, size: tuple[int, int] = (50, 40)) -> bytes:
    """A PNG of smooth random texture, (width, height) = `size`."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(name="encode")
def encode_fixture() -> Callable[..., bytes]:
    return encode


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with the images I0, I1 and I2."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"I{number}.png").write_bytes(encode(number))
    return folder


def config_of(image_size: int, fusion: str) -> Config:
    tree = {
        "data": {"image_size": image_size, "short_side": image_size + 8},
        "augment": {"evaluate": [{"SmallestMaxSize": {}}, {"CenterCrop": {}}]},
        "model": {"backbone": "test_resnet", "pretrained": False, "metadata": {"fusion": fusion}},
    }
    return parse_config(tree, "test")


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """Write a finished run of random models that are not undecided."""

    def make(
        name: str,
        *,
        folds: int = 2,
        seed: int = 0,
        image_size: int = 32,
        tta: str = "none",
        fusion: str = "none",
    ) -> Run:
        run = Run(tmp_path / "runs" / name)
        config = config_of(image_size, fusion)
        for number in range(folds):
            fold = run.fold(number)
            fold.folder.mkdir(parents=True)
            config.save(fold.folder / "config.yaml")
            torch.manual_seed(10 * seed + number)
            model = build_model(config)
            torch.nn.init.normal_(model.head.classifier.weight)
            save_weights(fold.weights, model)
            metadata = {
                "task": "isic2018",
                "classes": list(get_task("isic2018").codes),
                "status": "finished",
                "tta": tta,
                "leaking": False,
                "chosen_on_held_out": True,
                "parameters": 1,
                "seconds": 1.0,
                "precision": "fp32",
            }
            write_json(fold.folder / "metadata.json", metadata)
        return run

    return make


@pytest.fixture
def make_shards(tmp_path: Path) -> Callable[..., Shards]:
    """Write finished shards of two images each: the images I0, I1, ... and what runs say of them.

    `probabilities` are (R, N, C); the images at the places `bad` are no whole files;
    `disagreement` is the mutual information (N,), 0 if not given.
    """

    def make(
        probabilities: NDArray[np.float64],
        name: str = "shards",
        *,
        bad: Sequence[int] = (),
        metadata: NDArray[np.float32] | None = None,
        image_ids: Sequence[str] | None = None,
        disagreement: NDArray[np.float64] | None = None,
    ) -> Shards:
        count = probabilities.shape[1]
        names = image_ids or [f"I{number}" for number in range(count)]
        nats = np.zeros(count) if disagreement is None else disagreement
        inputs = [InputImage(image_id, f"{image_id}.png") for image_id in names]
        (tmp_path / name).mkdir()
        shards = Shards(tmp_path / name, "models", inputs, metadata, size=2)
        for number in shards.missing:
            places = shards.span(number)
            rows = np.array([place for place in places if place not in bad], np.int64)
            messages = tuple(f"I{place}.png is bad" for place in places if place in bad)
            with np.errstate(divide="ignore"):
                logs = np.log(probabilities[:, rows])
            shards.write(number, Shard(rows, logs, nats[rows], messages))
        return shards

    return make
