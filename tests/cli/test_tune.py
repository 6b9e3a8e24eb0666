from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from skin.training.loop import FoldTrainer

Skin = Callable[..., Any]
RATE = ("--range", "optimizer.lr=1e-4..1e-2")


def test_a_search_prints_its_trials_and_what_they_are_worth(skin: Skin, work: Path):
    result = skin("tune", "tiny", *RATE, "--trials", "2", "--set", "model.dropout=0.1")
    assert result.code == 0, result.err
    table = pd.read_csv(work / "tuning" / "tiny" / "trials.csv")
    best = table.loc[table["bacc"].idxmax()]
    assert f"BACC {best['bacc']:.3f} of trial {best['trial']} is the best of 2 looks" in result.out
    assert "the other folds (1)" in result.out
    assert (
        "skin train --config tiny --set model.dropout=0.1 --name tiny_tuned --fold all "
        f"--set optimizer.lr={float(best['optimizer.lr'])!r}"
    ) in result.out
    assert "tuning/tiny/trials.csv tuning/tiny/figure.svg tuning/tiny/figure.png" in result.out
    assert "trial 0 has the config's own values" in result.err

    again = skin("tune", "tiny", *RATE, "--trials", "2", "--set", "model.dropout=0.1")
    assert again.out == result.out
    other = skin("tune", "tiny", *RATE, "--trials", "2")
    assert other.code == 2
    assert "model.dropout: 0.1 -> 0.0" in other.err


def test_control_c_says_how_to_go_on(skin: Skin, work: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(FoldTrainer, "run", interrupted)
        result = skin("tune", "tiny", "--trials", "1", "--name", "first")
    assert result.code == 130
    assert "the same command goes on from the last checkpoint" in result.err
    assert "comparing training.batch_size=16,32,64, loss.kind=" in result.err
    result = skin("tune", "tiny", "--trials", "1", "--name", "first")
    assert result.code == 0, result.err
    assert "trial 0 was stopped and goes on" in result.err
    assert (work / "tuning" / "first" / "trial000" / "fold0" / "metadata.json").exists()


MISTAKES = {
    "no config": (["tinny"], "no config 'tinny': did you mean 'tiny'?"),
    "range": (["tiny", "--range", "optimizer.lr"], "write key=low..high"),
    "choice": (["tiny", "--choice", "loss.kind=focal"], "two values at least"),
    "key": (["tiny", "--range", "optimizer.lrr=1..2"], "did you mean 'lr'"),
    "fold": (["tiny", "--fold", "9"], "the dataset's folds are 0 to 1"),
    "data": (["tiny", "--data-dir", "nowhere"], "no dataset under nowhere"),
    "weights": (["tiny", "--weights", "gone.pth"], "model.weights: no file gone.pth"),
    "trials": (["tiny", "--trials", "0"], "Invalid value for '--trials'"),
    "pruner": (["tiny", "--pruner", "mean"], "Invalid value for '--pruner'"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_message_and_exit_code_2(skin: Skin, work: Path, case: str):
    words, message = MISTAKES[case]
    result = skin("tune", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (work / "tuning" / "tiny").exists()
