from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from skin import cli
from skin.config import load_config
from skin.runs import Run
from skin.training.run import train_run

TINY = {
    "description": "a tiny network for tests",
    "data": {"image_size": 32},
    "augment": {
        "train": [{"RandomResizedCrop": {}}],
        "evaluate": [{"SmallestMaxSize": {}}, {"CenterCrop": {}}],
    },
    "model": {"backbone": "test_resnet", "pretrained": False},
    "training": {"epochs": 1, "batch_size": 16, "precision": "fp32"},
    "runtime": {"device": "cpu", "workers": 0},
}


@dataclass(frozen=True)
class Result:
    """What a command gave: its exit code, standard output and standard error on one line each."""

    code: int
    out: str
    err: str


Skin = Callable[..., Result]


@pytest.fixture
def skin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Skin:
    """Run `skin` as the shell does, in this process; lines are joined, as Rich breaks them."""

    def run(*words: object) -> Result:
        monkeypatch.setattr("sys.argv", ["skin", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = capsys.readouterr()
        code = stopped.value.code
        return Result(int(code or 0), " ".join(said.out.split()), " ".join(said.err.split()))

    return run


@pytest.fixture(scope="session")
def trained_runs(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `runs` with `plain` and `se`, both folds finished; not to be written into."""
    root = tmp_path_factory.mktemp("trained")
    for name, attention in (("plain", "none"), ("se", "se")):
        path = root / f"{name}.yaml"
        path.write_text(yaml.safe_dump(TINY))
        config = load_config(path, [f"model.attention={attention}"])
        train_run(config, Run(root / "runs" / name), "all", toy_data)
    return root / "runs"


@pytest.fixture
def work(workspace: Path) -> Path:
    """The working folder with the data set `toy` and the config `configs/tiny.yaml`."""
    (workspace / "configs").mkdir()
    (workspace / "configs" / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    return workspace


@pytest.fixture
def trained(work: Path, trained_runs: Path) -> Path:
    """The same with both runs."""
    shutil.copytree(trained_runs, work / "runs")
    return work
