from __future__ import annotations

import json
from pathlib import Path

import pytest

from skin.analysis.probes.decisions import Decisions


def read(run: str) -> dict:
    return json.loads((Path("runs") / run / "probes" / "robustness.json").read_text())


@pytest.mark.usefixtures("trained")
def test_runs_are_probed_on_the_same_images(skin):
    result = skin("probe", "robustness", "plain", "se", "--images", "14", "--fold", "0")
    assert result.code == 0, result.err
    for run in ("plain", "se"):
        assert f"runs/{run}/probes/robustness.json" in result.out
        assert list(read(run)["origin"]["weights"]) == ["0"]
    assert read("plain")["settings"] == read("se")["settings"]
    assert "Defocus blur" in result.out
    assert "mean of all" in result.out
    assert f"{read('se')['clean']['value']:.3f}" in result.out


def test_an_interrupt_is_said_and_goes_on(skin, trained, monkeypatch):
    original = Decisions.add

    def stop(self, fold, decided) -> None:
        original(self, fold, decided)
        raise KeyboardInterrupt

    words = ("probe", "robustness", "plain", "--images", "14", "--fold", "1")
    monkeypatch.setattr(Decisions, "add", stop)
    result = skin(*words)
    assert result.code == 130
    assert "stopped; the same command goes on from the last corruption" in result.err
    assert not Path("runs/plain/probes/robustness.json").exists()
    monkeypatch.undo()
    monkeypatch.chdir(trained)
    result = skin(*words)
    assert result.code == 0
    assert "going on with runs/plain/probes/.robustness.partial.json" in result.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plane"], "no run 'plane' in runs: did you mean 'plain'?"),
        (["plain", "--images", "some"], "--images some: say how many, as 1000, or all"),
        (["plain", "--fold", "2"], "--fold 2: the dataset's folds are 0 to 1"),
        (["plain", "--tta", "both"], "no views are called 'both'"),
        (["plain", "--seed", "-1"], "Invalid value for '--seed'"),
        (["plain", "--device", "cuda:99"], "cuda:99 is asked for"),
        (["plain", "--data-dir", "elsewhere"], "no dataset under elsewhere"),
    ],
)
@pytest.mark.usefixtures("trained")
def test_a_mistake_is_one_message_and_leaves_nothing(skin, words, message):
    result = skin("probe", "robustness", *words)
    assert result.code == 2
    assert message in result.err
    assert not Path("runs/plain/probes").exists()
