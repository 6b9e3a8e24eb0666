from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from benchmark_lib import results as module  # noqa: PLC0415 - scripts are no package

    return module


def run_benchmark(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / "benchmark.py"), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    return subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.slow
def test_measures_everything(tmp_path: Path):
    done = run_benchmark(tmp_path, "--quick", "--device", "cpu", "--precision", "fp32")

    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "reports" / "benchmark.csv")
    assert table.groupby("part", sort=False)["what"].count().to_dict() == {
        "data path, one core": 3,
        "training loop": 3,
        "timm's recipe": 2,
        "precision": 3,
        "memory": 9,
    }
    assert (table[["low", "median", "high"]] > 0).all(axis=None)
    assert (table["low"] <= table["median"]).all()
    assert (table["median"] <= table["high"]).all()
    targets = {"data path, one core": 2, "training loop": 1, "timm's recipe": 1, "memory": 2}
    assert table.dropna(subset="target").groupby("part")["what"].count().to_dict() == targets
    assert set(table["met"].dropna()) <= {"yes", "no"}
    for column, value in {"model": "test_resnet", "size": 32, "batch_size": 8}.items():
        assert (table[column] == value).all()
    assert table["cpu"].notna().all()
    assert "skin over the bare loop" in done.stdout


def test_refuses_a_device_that_is_not_there(tmp_path: Path):
    done = run_benchmark(tmp_path, "--device", "cuda:99")

    assert done.returncode == 2
    assert "cuda:99" in done.stderr
    assert not (tmp_path / "reports").exists()


def test_a_ratio_is_of_neighbours_in_time(results: ModuleType):
    # The machine was half as fast in the second turn, for both.
    ratio = results.Spread.of_ratios([9.0, 5.0, 8.0], [10.0, 5.0, 10.0])

    assert ratio == pytest.approx((0.9, 0.8, 1.0))


@pytest.mark.parametrize(
    ("value", "at_least", "met"),
    [(0.97, True, "yes"), (0.96, True, "no"), (0.97, False, "yes"), (0.98, False, "no")],
)
def test_a_target_includes_its_limit(results: ModuleType, value: float, at_least: bool, met: str):
    result = results.Result(
        "part", "what", results.Spread.of([value]), "x", results.Target(0.97, at_least)
    )

    assert result.verdict == met
