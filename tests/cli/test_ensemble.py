from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skin.runs import Run, probability_columns, read_oof
from skin.taxonomy import get_task

Skin = Callable[..., Any]


PLAIN = ("--method", "mean", "--calibration", "none", "--rule", "argmax", "--resamples", 100)


def test_all_finished_runs_are_taken_and_named(skin: Skin, trained: Path):
    result = skin("ensemble", *PLAIN)
    assert result.code == 0, result.err
    assert "taking all finished runs: plain, se" in result.err
    assert "2 runs combined (mean) reach balanced accuracy" in result.out
    assert "ensembles/main/index.html" in result.out
    assert "mean" in result.out
    task = get_task("isic2018")
    combined = read_oof(trained / "ensembles" / "main" / "oof.csv", task)
    columns = probability_columns(task)
    each = [
        Run(trained / "runs" / name).oof().sort_values("image_id")[columns].to_numpy()
        for name in ("plain", "se")
    ]
    np.testing.assert_allclose(combined[columns], (each[0] + each[1]) / 2)


def test_runs_and_the_ensemble_can_be_named(skin: Skin, trained: Path):
    result = skin("ensemble", "se", "--name", "one", *PLAIN)
    assert result.code == 0, result.err
    described = json.loads((trained / "ensembles" / "one" / "ensemble.json").read_text())
    assert [run["name"] for run in described["runs"]] == ["se"]
    assert "taking all" not in result.err


def test_the_best_way_is_found_and_shown(skin: Skin, trained: Path):
    result = skin("ensemble", "--metadata", "--resamples", 100)
    assert result.code == 0, result.err
    for name in ("plain", "se", "auto", "greedy", "prior", "isotonic"):
        assert name in result.out
    folder = trained / "ensembles" / "main"
    described = json.loads((folder / "ensemble.json").read_text())
    assert described["made"]["calibration"] == "vector"
    board = pd.read_csv(folder / "leaderboard.csv")
    assert set(board["name"]) >= {"plain", "se", "auto", "logistic-metadata"}
    assert (folder / "index.html").read_text().startswith("<!doctype html>")


def test_other_views_predict_anew(skin: Skin, trained: Path):
    result = skin("ensemble", "plain", "--tta", "dihedral", "--single-view", *PLAIN)
    assert result.code == 0, result.err
    assert "one view" in result.out
    described = json.loads((trained / "ensembles" / "main" / "ensemble.json").read_text())
    assert described["tta"] == "dihedral"


def one_fold(runs: Path) -> None:
    shutil.rmtree(runs / "se" / "fold1")


def other_folds(runs: Path) -> None:
    for path in (runs / "se").glob("fold*/metadata.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"folds_hash": "0" * 64}))


def other_views(runs: Path) -> None:
    for path in (runs / "se").glob("fold*/metadata.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"tta": "dihedral"}))


def lost_column(runs: Path) -> None:
    path = runs / "se" / "fold0" / "oof.csv"
    path.write_text(path.read_text().replace("prob_DF", "prob_XX"))


def damaged_metadata(runs: Path) -> None:
    (runs / "se" / "fold0" / "metadata.json").write_text("{")


def nothing_finished(runs: Path) -> None:
    for path in runs.glob("*/fold*/metadata.json"):
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "words", "message"),
    [
        (None, ["plane"], "no run 'plane' in runs: did you mean 'plain'?"),
        (one_fold, [], "the runs have different finished folds (plain has [0, 1]; se has [0])"),
        (other_folds, [], "the runs were made on different folds"),
        (other_views, [], "of different test-time augmentation (plain: none, se: dihedral)"),
        (None, ["--method", "men"], "unknown method 'men' of combining: did you mean 'mean'?"),
        (None, ["--calibration", "vectr"], "unknown calibration 'vectr': did you mean 'vector'?"),
        (None, ["--rule", "priors"], "did you mean 'prior'?"),
        (None, ["--tta", "dihedrel"], "did you mean 'dihedral'?"),
        (None, ["--method", "boosting-metadata"], "uses age, sex and site: say --metadata, too"),
        (None, ["--name", "../runs/se"], "--name ../runs/se: it names a folder in ensembles"),
        (None, ["plain", "plain"], "run 'plain' is named twice"),
        (lost_column, [], "runs/se/fold0/oof.csv lacks the columns prob_DF"),
        (damaged_metadata, [], "runs/se/fold0/metadata.json is not valid JSON"),
        (nothing_finished, [], "runs: no run has no finished fold; see `skin train`"),
        (nothing_finished, ["se"], "se has no finished fold; see `skin train`"),
    ],
)
def test_a_mistake_is_one_message_and_leaves_nothing(
    skin: Skin,
    trained: Path,
    spoil: Callable[[Path], None] | None,
    words: list[str],
    message: str,
):
    if spoil:
        spoil(trained / "runs")
    result = skin("ensemble", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (trained / "ensembles").exists()


def test_a_task_without_unknown_lesions_has_no_score_for_them(skin: Skin, trained: Path):
    result = skin("ensemble", "plain", "--unknown", "energy", *PLAIN)
    assert result.code == 2
    assert "--unknown energy: task 'isic2018' has no column for lesions" in result.err
    assert not (trained / "ensembles").exists()
    assert "did you mean 'energy'" in skin("ensemble", "plain", "--unknown", "enrgy", *PLAIN).err
    result = skin("ensemble", "plain", "--unknown", "none", *PLAIN)
    assert result.code == 0, result.err
    assert "Unknown" not in (trained / "ensembles" / "main" / "index.html").read_text()
