from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from skin.analysis import drawing
from skin.analysis.report import render
from skin.analysis.report.sections import (
    calibration,
    curves,
    gallery,
    leaderboard,
    malignancy,
    subgroups,
)
from skin.cli.report import report
from skin.errors import SkinError
from skin.taxonomy import TASKS

CODES = TASKS["isic2018"].codes


@pytest.fixture
def skin(monkeypatch, tmp_path):
    """Run `skin report` in an empty working folder; few sections, figures blank, to be quick."""
    monkeypatch.chdir(tmp_path)
    blank = b'<svg width="1pt" viewBox="0 0 1 1"></svg>'
    monkeypatch.setattr(drawing, "_draw", lambda *_, **__: blank)
    kept = [leaderboard, curves, malignancy, calibration, subgroups]
    monkeypatch.setattr(render, "SECTIONS", kept)
    app = typer.Typer(rich_markup_mode="rich")
    app.command()(report)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def write_run(folder, right, **recorded):
    """Write a run of one fold of 70 images, of which the share `right` is decided right."""
    fold = folder / "fold0"
    fold.mkdir(parents=True)
    target = np.arange(70) % 7
    decided = np.where(np.arange(70) < 70 * right, target, (target + 1) % 7)
    table = pd.DataFrame(
        {
            "image_id": [f"ISIC_{i:07d}" for i in range(70)],
            "lesion_id": [f"HAM_{i:07d}" for i in range(70)],
            "fold": 0,
            "target": np.array(CODES)[target],
        }
    )
    probabilities = pd.DataFrame(0.9 * np.eye(7)[decided] + 0.1 / 7, columns=CODES)
    table = table.join(probabilities.add_prefix("prob_"))
    table.join(np.log(probabilities).add_prefix("logit_")).to_csv(fold / "oof.csv", index=False)
    (fold / "history.csv").write_text(
        "epoch,stage,lr,train_loss,valid_loss,valid_bacc,valid_accuracy,images_per_s,seconds\n"
        "1,all,0.001,1.5,1.6,0.5,0.6,100.0,2.0\n"
    )
    metadata = {
        "task": "isic2018",
        "status": "finished",
        "best_epoch": 1,
        "epochs": 1,
        "seconds": 2.0,
        "images_per_s": 100.0,
        "parameters": 1000,
        "train_images": 140,
        "leaking": False,
        "chosen_on_held_out": True,
        "tta": "none",
    } | recorded
    (fold / "metadata.json").write_text(json.dumps(metadata))


def test_takes_all_finished_runs_and_says_so(skin, tmp_path):
    write_run(tmp_path / "runs" / "plain", right=0.5)
    write_run(tmp_path / "runs" / "se", right=0.8)

    result = skin("--resamples", "200")

    assert result.exit_code == 0
    assert "reporting on all that is finished: plain, se" in result.stderr
    assert "se is best: balanced accuracy 0.800" in result.stdout
    assert "All of them clearly beat chance (1/7 = 0.143)" in result.stdout
    assert "reports/comparison/index.html" in result.stdout
    assert (tmp_path / "reports" / "comparison" / "index.html").exists()


def test_one_run_gives_its_name_to_the_report(skin, tmp_path):
    write_run(tmp_path / "runs" / "plain", right=0.5)

    assert skin("plain", "--resamples", "100").exit_code == 0
    assert (tmp_path / "reports" / "plain" / "comparison.csv").exists()


def test_out_and_folders(skin, tmp_path):
    write_run(tmp_path / "elsewhere" / "plain", right=0.5)

    result = skin("elsewhere/plain", "--out", "there", "--resamples", "100")

    assert result.exit_code == 0
    assert "reporting on all" not in result.stderr
    assert pd.read_csv(tmp_path / "there" / "comparison.csv").loc[0, "bacc"] == 0.5


def test_baseline_and_task(skin, tmp_path):
    write_run(tmp_path / "runs" / "plain", right=0.5)
    write_run(tmp_path / "runs" / "se", right=0.8)

    words = ["--baseline", "runs/plain", "--as", "malignant", "--resamples", "100"]
    result = skin(*words)

    assert result.exit_code == 0, result.exception
    assert "To baseline" in result.stdout
    said = " ".join(result.stdout.split())
    assert "points above plain" in said
    assert "chance (1/2 = 0.500)" in said
    assert "per_class.csv" in said
    table = pd.read_csv(tmp_path / "reports" / "comparison" / "per_class.csv")
    assert table["class"].tolist() == ["BEN", "MAL"] * 2
    assert table["support"].tolist() == [40, 30] * 2


def test_figures_for_papers(skin, tmp_path):
    write_run(tmp_path / "runs" / "plain", right=0.5)

    result = skin("--resamples", "100", "--figures", "svg", "--out", "there")

    assert result.exit_code == 0, result.exception
    figures = {path.name for path in (tmp_path / "there" / "figures").iterdir()}
    assert {"bacc.svg", "roc-malignant.svg", "reliability.svg"} <= figures
    assert (tmp_path / "there" / "tables" / "leaderboard.tex").exists()
    refused = skin("--figures", "jpg").exception
    assert "unknown format of figures 'jpg'" in str(refused)


def test_the_dataset_is_looked_for_where_it_is_said(skin, tmp_path):
    write_run(tmp_path / "runs" / "plain", right=0.5, dataset="toy", dataset_hash="0" * 64)

    result = skin("--resamples", "100", "--data-dir", "elsewhere")

    assert result.exit_code == 0, result.exception
    page = (tmp_path / "reports" / "plain" / "index.html").read_text()
    assert "is not in elsewhere; see --data-dir" in page.replace("&#39;", "'")


def test_galleries_can_be_left_out(skin, tmp_path, monkeypatch):
    write_run(tmp_path / "runs" / "toy", 0.9)
    monkeypatch.setattr(render, "SECTIONS", [leaderboard, gallery])
    page = tmp_path / "reports" / "toy" / "index.html"
    assert skin("toy").exit_code == 0
    assert 'id="gallery"' in page.read_text()
    assert skin("toy", "--no-galleries").exit_code == 0
    assert 'id="gallery"' not in page.read_text()


def test_unknown_task_is_named(skin, tmp_path):
    write_run(tmp_path / "runs" / "plain", right=0.5)

    assert "did you mean 'malignant'" in str(skin("--as", "malignent").exception)


def test_mistakes_are_skin_errors(skin, tmp_path):
    assert isinstance(skin().exception, SkinError)
    write_run(tmp_path / "runs" / "plain", right=0.5)
    assert "did you mean 'plain'" in str(skin("plane").exception)
    assert not (tmp_path / "reports").exists()


def test_help_has_examples(skin):
    result = skin("--help")

    assert result.exit_code == 0
    assert "skin report resnet50" in result.stdout
