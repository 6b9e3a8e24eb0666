from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from skin.runs import Run
from skin.training.loop import FoldTrainer

Skin = Callable[..., Any]


def test_a_fold_is_trained_and_its_figures_printed(skin: Skin, work: Path):
    result = skin("train", "--config", "tiny", "--fold", "1", "--set", "optimizer.lr=1e-3")
    assert result.code == 0, result.err
    fold = Run(work / "runs" / "tiny").fold(1)
    metadata = fold.metadata()
    assert f"validation {metadata['best_bacc']:.3f} at epoch 0 of 1" in result.out
    assert "config configs/tiny.yaml, run runs/tiny" in result.err
    assert "dataset: toy, the only one in data" in result.err
    assert fold.config().optimizer.lr == 1e-3
    assert not (work / "runs" / "tiny" / "fold0").exists()

    again = skin("train", "--config", "tiny", "--fold", "1", "--set", "optimizer.lr=1e-3")
    assert again.code == 0
    assert again.out == result.out
    assert "is finished already" in again.err

    other = skin("train", "--config", "tiny", "--fold", "1")
    assert other.code == 2
    assert "optimizer.lr: 0.001 -> 0.0003" in other.err


def test_tta_is_the_configs_key(skin: Skin, work: Path):
    words = ("train", "--config", "tiny", "--fold", "0")
    assert skin(*words, "--tta", "crops+dihedral").code == 0
    assert Run(work / "runs" / "tiny").fold(0).metadata()["tta"] == "dihedral+crops"
    again = skin(*words, "--set", "training.tta=dihedral+crops")
    assert again.code == 0
    assert "is finished already" in again.err
    assert "training.tta: 'dihedral+crops' -> 'none'" in skin(*words).err


def test_control_c_says_how_to_go_on(skin: Skin, work: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FoldTrainer, "run", interrupted)
    result = skin("train", "--config", "tiny", "--fold", "0")
    assert result.code == 130
    assert "the same command goes on from the last checkpoint" in result.err
    monkeypatch.undo()
    monkeypatch.chdir(work)
    assert skin("train", "--config", "tiny", "--fold", "0").code == 0


def test_a_run_can_be_named(skin: Skin, trained: Path):
    result = skin("train", "-c", "tiny", "--name", "se", "-s", "model.attention=se", "-f", "0,1")
    assert result.code == 0
    for fold in ("runs/se/fold0", "runs/se/fold1"):
        assert f"{fold} held-out BACC" in result.out
    assert not (trained / "runs" / "tiny").exists()


def test_the_configs_are_listed(skin: Skin, work: Path):
    del work
    result = skin("train", "--list")
    assert result.code == 0
    assert "tiny a tiny network for tests" in result.out
    assert "resnet50 ResNet-50" in result.out


MISTAKES = {
    "no config": (["--config", "tinny"], "no config 'tinny': did you mean 'tiny'?"),
    "no file": (
        ["--config", "configs/tinny.yaml"],
        "no config at configs/tinny.yaml; there are ti",
    ),
    "unknown key": (
        ["--set", "training.epoch=3"],
        "unknown key 'training.epoch', did you mean 'epochs'",
    ),
    "wrong type": (["--set", "training.epochs=many"], "'training.epochs' is 'many'"),
    "views": (["--tta", "dihedrl"], "training.tta: TTA 'dihedrl': no views are called 'dihedrl'"),
    "no value": (["--set", "training.epochs"], "write key=value"),
    "fold text": (["--fold", "first"], "--fold first: say all, a number, 0,2 or 0..1"),
    "fold number": (["--fold", "0..4"], "--fold 0..4: the dataset's folds are 0 to 1"),
    "dataset": (["--set", "data.dataset=toi"], "no dataset 'toi' under data: did you mean 'toy'?"),
    "no data": (["--data-dir", "nowhere"], "no dataset under nowhere; run `skin data add"),
    "short side": (["--set", "data.short_side=64"], "short side 40, not 64"),
    "backbone": (["--set", "model.backbone=test_resnat"], "did you mean test_resnet"),
    "attention": (["--set", "model.attention=sea"], "unknown block 'sea': did you mean 'se'?"),
    "no map": (
        ["--set", "model.backbone=test_vit", "--set", "model.attention=se"],
        "choose a convolutional backbone or attention: none",
    ),
    "optimizer": (["--set", "optimizer.name=adamv"], "unknown optimizer 'adamv': did you mean"),
    "transform": (["--set", "augment.train=[{D5: {}}]"], "augment.train: unknown transform 'D5'"),
    "argument": (
        ["--set", "augment.train=[{RandomResizedCrop: {skale: 1}}]"],
        "augment.train: RandomResizedCrop:",
    ),
    "device": (["--device", "cuda"], "cuda is asked for, but no such device is there"),
    "device name": (["--device", "gpu"], "'gpu' is not a device; say auto, cpu or cuda"),
    "fp16": (["--set", "training.precision=fp16"], "fp16 needs a GPU"),
    "weights": (["--weights", "gone.pth"], "model.weights: no file gone.pth"),
    "other weights": (["--weights", "wide.safetensors"], "do not fit test_resnet:"),
    "no weights": (["--weights", "configs/tiny.yaml"], "do not fit test_resnet"),
}


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_message_and_exit_code_2(skin: Skin, work: Path, case: str):
    if case == "other weights":
        tensors = timm.create_model("test_resnet").state_dict()
        changed = {name: torch.zeros(1, 2) for name in tensors if name.startswith("layer2.0.conv1")}
        save_file(tensors | changed, work / "wide.safetensors")
    words, message = MISTAKES[case]
    result = skin("train", *(["--config", "tiny"] if "--config" not in words else []), *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "error: " in result.err
    assert "Traceback" not in result.err
    assert not any(Run(work / "runs" / "tiny").finished_folds())
    assert not list(work.rglob("*.tmp"))


def test_a_weights_path_is_taken_as_it_is(skin: Skin, work: Path):
    """A path is no YAML: it may look like a number, a list or a mapping."""
    del work
    for path in ("123", "[x].pth", "a: b.pth", "w #1.pth"):
        result = skin("train", "--config", "tiny", "--weights", path)
        assert f"model.weights: no file {path}" in result.err
