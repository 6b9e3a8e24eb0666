"""A run with a spatial feature map, trained on the toy data set, and its lesions' masks."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from PIL import Image

from skin.config import load_config
from skin.data.masks import Masks, open_masks
from skin.runs import Run
from skin.training.run import train_run

SMALL = {
    "data": {"image_size": 64},  # a map of 2x2
    "augment": {
        "train": [{"RandomResizedCrop": {}}],
        "evaluate": [{"SmallestMaxSize": {}}, {"CenterCrop": {}}],
    },
    "model": {"backbone": "test_resnet", "pretrained": False, "attention": "cbam"},
    "training": {"epochs": 1, "batch_size": 16, "precision": "fp32"},
    "runtime": {"device": "cpu", "workers": 0},
}


@pytest.fixture(scope="session")
def small_run(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both folds of a run with attention; not to be written into."""
    root = tmp_path_factory.mktemp("small")
    (root / "cbam.yaml").write_text(yaml.safe_dump(SMALL))
    train_run(load_config(root / "cbam.yaml"), Run(root / "runs" / "cbam"), "all", toy_data)
    return root / "runs" / "cbam"


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Run:
    """A copy of it."""
    return Run(Path(shutil.copytree(small_run, tmp_path / "runs" / "cbam")))


@pytest.fixture(scope="session")
def masks(toy_data: Path) -> Masks:
    """The toy data set's masks, as it was written with them."""
    return open_masks(toy_data.parent / "source")


@pytest.fixture
def encode_mask() -> Callable[[Masks, str], bytes]:
    """Give a mask of an image's size that shows no lesion, as PNG."""

    def encode(masks: Masks, image_id: str) -> bytes:
        with Image.open(io.BytesIO(masks.read(image_id))) as mask:
            black = Image.new("1", mask.size)
        buffer = io.BytesIO()
        black.save(buffer, "PNG")
        return buffer.getvalue()

    return encode
