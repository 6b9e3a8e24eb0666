"""The whole way by the commands that a user types: data, folds, two variants, ensemble, report."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from typer.testing import CliRunner

from skin.cli import app
from skin.inference.submission import read_submission
from skin.taxonomy import CHALLENGES, TASKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def skin(command: str) -> str:
    result = CliRunner().invoke(app, command.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.slow
def test_the_whole_way(
    tmp_path: Path, write_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    codes = list(TASKS["isic2018"].codes)
    training = {"epochs": 12, "batch_size": 16, "tta": "dihedral"}
    write_config("plain", training=training, model={"dropout": 0.0})
    write_config("se", training=training, model={"dropout": 0.0, "attention": "se"})

    skin("data synthetic source --lesions 120 --test 20 --width 80")
    skin("data add ham10000 source --short-side 48")
    skin("data folds --folds 2")
    skin("data check")
    for variant in ("plain", "se"):
        assert f"runs/{variant}/fold1" in skin(f"train -c {variant}.yaml --fold 0..1")

    printed = skin("ensemble --method mean --calibration none --rule argmax")
    assert all(name in printed for name in ("2 runs combined (mean)", "plain", "se"))
    table = pd.read_csv("data/ham10000/dataset.csv", keep_default_na=False)
    oof = pd.read_csv("ensembles/main/oof.csv")
    assert sorted(oof["image_id"]) == sorted(table["image_id"])
    members = [
        pd.concat([pd.read_csv(f"runs/{v}/fold{i}/oof.csv") for i in (0, 1)]).set_index("image_id")
        for v in ("plain", "se")
    ]
    mean = sum(member["prob_MEL"] for member in members) / 2
    pd.testing.assert_series_equal(
        oof.set_index("image_id")["prob_MEL"].sort_index(), mean.sort_index()
    )

    images = "source/ISIC2018_Task3_Test_Input"
    skin(f"predict {images} --out submissions/x.csv --challenge isic2018")
    submission = read_submission(tmp_path / "submissions/x.csv", CHALLENGES["isic2018"])
    assert len(submission) == 20
    assert submission.sum(axis=1).to_numpy() == pytest.approx(1)
    alone = json.loads(skin(f"predict main {images}/{submission.index[3]}.jpg --format json"))
    assert alone[0]["image"] == submission.index[3]
    by_code = {each["code"]: each["probability"] for each in alone[0]["classes"]}
    assert [by_code[code] for code in codes] == pytest.approx(submission.iloc[3].tolist(), abs=1e-5)

    truth = "source/ISIC2018_Task3_Test_GroundTruth.csv"
    score = json.loads(skin(f"score submissions/x.csv {truth} --format json"))
    assert math.isclose(score["overall"], official_bacc(submission, pd.read_csv(truth), codes))

    skin("report --out reports/x --resamples 200")
    comparison = pd.read_csv("reports/x/comparison.csv")
    assert set(comparison.iloc[:, 0]) == {"main", "plain", "se"}
    # Twelve epochs of a tiny network are enough to tell some of the seven classes.
    assert comparison["bacc_low"].max() > 1 / 7
    page = (tmp_path / "reports/x/index.html").read_text(encoding="utf-8")
    assert "<svg " in page
    assert all(f'id="{key}"' in page for key in ("tests", "subgroups", "gallery", "browser"))
    assert all(name in page for name in ("main", "plain", "se"))


def official_bacc(submission: pd.DataFrame, truth: pd.DataFrame, codes: list[str]) -> float:
    """The mean recall, counted class by class."""
    decided = submission[codes].idxmax(axis=1)
    true = truth.set_index("image")[codes].idxmax(axis=1)[submission.index]
    return float((decided == true).groupby(true).mean().mean())
