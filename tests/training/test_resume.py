"""A training that is killed at any moment ends with the bits of one that was not."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from skin.config import load_config
from skin.runs import Run
from skin.training.run import train_run

if TYPE_CHECKING:
    from collections.abc import Callable

KILLED = Path(__file__).with_name("killed.py")
RESULTS = ("oof.csv", "best.safetensors", "last.safetensors")
EPOCHS, STEPS = 3, 3  # some 32 images in each fold: at least three batches of 8 an epoch
MOMENTS = {0: ("step", "checkpoint", "fold", "step"), 1: ("weights", "step", "checkpoint")}
LATEST = {"step": EPOCHS * STEPS, "checkpoint": 4, "weights": 2, "fold": 1}


def train(workspace: Path, config: Path, *, until: tuple[str, int] | None = None) -> int:
    command = ["-m", "skin"] if until is None else [str(KILLED), until[0], str(until[1])]
    arguments = ["train", "--config", str(config), "--fold", "all", "--name", "killed"]
    done = subprocess.run(
        [sys.executable, *command, *arguments],
        cwd=workspace,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode


def results(workspace: Path) -> dict[str, bytes]:
    folder = workspace / "runs" / "killed"
    return {
        f"{i}/{name}": (folder / f"fold{i}" / name).read_bytes() for i in (0, 1) for name in RESULTS
    }


@pytest.fixture(scope="module")
def uninterrupted(
    toy_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], dict[str, bytes]]:
    known: dict[str, bytes] = {}

    def train_once(config: Path) -> dict[str, bytes]:
        if not known:
            workspace = tmp_path_factory.mktemp("uninterrupted")
            shutil.copytree(toy_data, workspace / "data")
            assert train(workspace, config) == 0
            known.update(results(workspace))
        return known

    return train_once


@pytest.mark.slow
@pytest.mark.parametrize("seed", MOMENTS)
def test_killed_equals_uninterrupted(
    seed: int,
    workspace: Path,
    write_config: Callable[..., Path],
    uninterrupted: Callable[[Path], dict[str, bytes]],
):
    config = write_config(
        training={"epochs": EPOCHS, "freeze_epochs": 1, "batch_size": 8},
        # A checkpoint after every step, so that the kills fall on many different ones.
        runtime={"checkpoint_seconds": 0, "workers": seed},
    )
    draw = random.Random(seed)
    moments = [(moment, draw.randint(1, LATEST[moment])) for moment in MOMENTS[seed]]
    killed = [train(workspace, config, until=moment) for moment in moments]
    assert killed == [-signal.SIGKILL] * len(moments)
    assert train(workspace, config) == 0
    expected = uninterrupted(config)
    differing = [name for name, data in results(workspace).items() if data != expected[name]]
    assert differing == []
    left = sorted(path.name for path in (workspace / "runs" / "killed" / "fold0").iterdir())
    assert not [name for name in left if name.endswith(".tmp") or name == "checkpoint.pt"]


class Stopped(Exception):  # noqa: N818 - no error, only a way out
    """Raised after an epoch, as an interrupt would be."""


DRAWING: dict[str, dict[str, dict[str, object] | list[dict[str, object]]]] = {
    "mixed blends along the tree": {
        "model": {"head": {"kind": "hierarchical", "units": 8}, "dropout": 0.3},
        "mix": {"mixup": 0.4, "cutmix": 1.0, "probability": 0.8},
        "balance": [
            {"step": "downsample", "to": 0.8},
            {"step": "smote_tomek", "to": 0.9, "neighbours": 1},
            {"step": "oversample"},
        ],
        "augment": {"by_class": {"NV": [{"RandAugment": {}}, {"Resize": {}}]}},
    },
    "hidden metadata under a margin": {
        "model": {
            "head": {"kind": "arc_margin"},
            "metadata": {"fusion": "metablock", "dropout": 0.5},
            "attention": "cbam",
        },
    },
    "several dropout masks beside metadata": {
        "model": {
            "head": {"kind": "multi_sample"},
            "metadata": {"fusion": "concat", "dropout": 0.5},
            "dropout": 0.5,
        },
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWING)
def test_whatever_a_variant_draws_goes_on_as_it_was(
    name: str, workspace: Path, write_config: Callable[..., Path]
):
    config = load_config(write_config(**DRAWING[name]))

    def stop(_fold: int, epoch: int, _bacc: float) -> None:
        if epoch == 0:
            raise Stopped

    stopped, whole = (Run(workspace / "runs" / each) for each in ("stopped", "whole"))
    with pytest.raises(Stopped):
        train_run(config, stopped, "0", workspace / "data", on_epoch=stop)
    for run in (stopped, whole):
        train_run(config, run, "0", workspace / "data")
    for file in RESULTS:
        assert (stopped.fold(0).folder / file).read_bytes() == (
            whole.fold(0).folder / file
        ).read_bytes(), file


@pytest.mark.slow
def test_workers_do_not_matter(workspace: Path, write_config: Callable[..., Path]):
    found = []
    for workers in (0, 1, 2):
        config = load_config(write_config(runtime={"workers": workers}))
        run = Run(workspace / "runs" / f"workers{workers}")
        (fold,) = train_run(config, run, "0", workspace / "data")
        found.append([(fold.folder / name).read_bytes() for name in RESULTS])
    assert found[0] == found[1] == found[2]
