"""A small synthetic data set, added and split, that tests train on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import settings

from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.dataset import find_dataset
from skin.data.folds import make_folds
from skin.data.sources.ham10000 import Ham10000
from skin.data.synthetic import write_synthetic

if TYPE_CHECKING:
    from collections.abc import Callable

# A rule's truth does not depend on how busy the machine is.
settings.register_profile("skin", deadline=None)
settings.load_profile("skin")

TINY = {
    "data": {"image_size": 32},
    "augment": {
        "train": [
            {"RandomResizedCrop": {"scale": [0.6, 1.0]}},
            {"D4": {"p": 1.0}},
            {"RandomBrightnessContrast": {"p": 0.5}},
        ],
        "evaluate": [{"SmallestMaxSize": {}}, {"CenterCrop": {}}],
    },
    "model": {"backbone": "test_resnet", "pretrained": False, "dropout": 0.2},
    "sampler": {"kind": "weighted", "power": 0.5},
    "loss": {"prior_adjustment": 1.0},
    "optimizer": {"lr": 0.003},
    "schedule": {"warmup_epochs": 0.5},
    "training": {
        "epochs": 2,
        "batch_size": 16,
        "eval_batch_size": 32,
        "precision": "fp32",
        "ema_decay": 0.9,
        "clip_grad_norm": 5.0,
    },
    "runtime": {"device": "cpu", "workers": 0},
}


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `data` with the data set `toy` in two folds; not to be written into."""
    root = tmp_path_factory.mktemp("toy")
    write_synthetic(root / "source", lesions=42, test_images=6, seed=1, width=56)
    source = Ham10000(Archive(root / "source"))
    add_dataset(source, root / "data", name="toy", short_side=40)
    make_folds(find_dataset(root / "data"), k=2, seed=0)
    return root / "data"


@pytest.fixture
def workspace(toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of the test's own, and the current one, with `data/toy` and `source`."""
    shutil.copytree(toy_data, tmp_path / "data")
    (tmp_path / "source").symlink_to(toy_data.parent / "source")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a config of a tiny model, with sections changed."""

    def write(name: str = "tiny", **sections: object) -> Path:
        tree = {**TINY, **sections}
        for key, section in sections.items():
            if isinstance(section, dict):
                tree[key] = {**TINY.get(key, {}), **section}
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(tree), encoding="utf-8")
        return path

    return write
