"""Every dataset by the commands that a user types, from the files as they are published."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest
from typer.testing import CliRunner

from skin.cli import app
from skin.inference.submission import read_submission
from skin.taxonomy import CHALLENGES, TASKS


@dataclass(frozen=True)
class Case:
    """One row of the README's table of datasets.

    Attributes:
        layout: of `skin data synthetic`, and the reader's name.
        task: what is trained.
        challenge: whose submission is written.
        images: the test images; none predicts those of the dataset, where the test images' truth
            was never published, or there are none.
        truth: the file that it is scored against; none makes one of the dataset's table.
        options: further ones of `skin train`.
    """

    layout: str
    task: str
    challenge: str
    images: str | None = None
    truth: str | None = None
    options: str = ""


RARE = "--set sampler.kind=undersample --set sampler.ratio=3"
CASES = [
    Case(
        "isic2017",
        "isic2017",
        "isic2017",
        "ISIC-2017_Test_v2_Data.zip",
        "ISIC-2017_Test_v2_Part3_GroundTruth.csv",
        "--set training.select_by=auc",
    ),
    Case(
        "isic2018",
        "isic2018",
        "isic2018",
        "ISIC2018_Task3_Test_Input.zip",
        "ISIC2018_Task3_Test_GroundTruth.csv",
    ),
    Case(
        "isic2019",
        "isic2019",
        "isic2019",
        "ISIC_2019_Test_Input.zip",
        "ISIC_2019_Test_GroundTruth.csv",
    ),
    Case(
        "isic2020",
        "melanoma",
        "isic2020",
        truth="ISIC_2020_Training_GroundTruth_v2.csv",
        options=f"--set training.select_by=auc {RARE}",
    ),
    Case(
        "isic2024",
        "malignant",
        "isic2024",
        truth="train-metadata.csv",
        options=f"--set training.select_by=pauc {RARE}",
    ),
    Case("pad_ufes", "malignant", "isic2024"),
    Case("derm7pt", "malignant", "isic2024", options="--set data.outside=drop"),
    Case("isic_archive", "malignant", "isic2024", options="--set data.outside=drop"),
]
COMMANDS = {"pad_ufes": "pad-ufes-20", "isic_archive": "isic-archive"}


def skin(command: str) -> str:
    result = CliRunner().invoke(app, command.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.layout)
def test_from_the_published_files_to_a_score(
    case: Case,
    tmp_path: Path,
    write_config: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    write_config("tiny", task=case.task)
    challenge = CHALLENGES[case.challenge]

    skin(f"data synthetic published --layout {case.layout}")
    command = COMMANDS.get(case.layout, case.layout)
    skin(f"data add {command} published --short-side 40 --skip-bad --name mine")
    skin("data folds --folds 2")
    skin("data check")
    skin(f"train -c tiny.yaml --fold 0..1 {case.options}")
    images = case.images or _list_images()
    skin(f"predict published/{images} --out submission.csv --challenge {challenge.name}")
    submission = read_submission(Path("submission.csv"), challenge)
    _write_truth(case, submission)
    said = json.loads(skin("score submission.csv truth.csv --format json"))

    assert said["challenge"] == challenge.name
    assert 0 <= said["overall"] <= 1
    if challenge.name == "isic2018":
        assert said["overall"] == said["aggregate"]["balanced_accuracy"]


def _list_images() -> str:
    """Name the dataset's images, among the published files, in a CSV."""
    table = pd.read_csv("data/mine/dataset.csv")
    names = table["path"].str.rpartition("::")[2].to_frame("image_id")
    # Derm7pt has one file name in two folders, and a submission has but the name.
    stems = names["image_id"].map(lambda path: PurePosixPath(path).stem)
    names[~stems.duplicated()].to_csv("published/wanted.csv", index=False)
    return "wanted.csv"


def _write_truth(case: Case, submission: pd.DataFrame) -> None:
    """Keep what is published of the submission's images, or tell it by the dataset's labels."""
    index = CHALLENGES[case.challenge].index
    if case.truth:
        truth = pd.read_csv(Path("published", case.truth))
        truth = truth[truth[index].isin(submission.index)]
        assert len(truth) == len(submission)
    else:
        table = pd.read_csv("data/mine/dataset.csv")
        stems = [PurePosixPath(path.rpartition("::")[2]).stem for path in table["path"]]
        malignant = table["dx"].isin(TASKS["malignant"].classes[1].dx).astype(float)
        truth = pd.DataFrame({index: stems, "target": malignant}).drop_duplicates(index)
    truth.to_csv("truth.csv", index=False)
