from __future__ import annotations

from pathlib import Path

import pytest

from skin.ensembling.pipeline import Pipeline
from skin.ensembling.uncertainty import ConformalSets, Referral
from skin.errors import SkinError
from skin.inference.outputs import Submission, plan_cases, plan_submission
from skin.taxonomy import CHALLENGES, Challenge, get_challenge

PLAIN = Pipeline.plain()
SURE = PLAIN.model_copy(update={"referral": Referral(share=0.2, threshold=0.5)})
SETS = PLAIN.model_copy(update={"conformal": ConformalSets(coverage=0.9, thresholds=(0.5,) * 7)})


def plan(path: Path, challenge: str | None = None, task: str = "isic2018") -> Submission:
    return plan_submission(path, challenge, task, official_list=None)


def test_the_format_is_the_tasks_unless_another_is_named(tmp_path: Path):
    assert plan(tmp_path / "x.csv").challenge.name == "isic2018"
    submission = plan(tmp_path / "x.csv", "isic2018")
    assert submission == Submission(tmp_path / "x.csv", get_challenge("isic2018"), None)
    assert submission.parts == tmp_path / "x.csv.parts"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("challenge", CHALLENGES.values(), ids=list(CHALLENGES))
def test_each_task_has_a_format(tmp_path: Path, challenge: Challenge):
    assert plan(tmp_path / "x.csv", None, challenge.task).challenge is challenge


def test_classes_may_make_up_the_columns_of_another_challenge(tmp_path: Path):
    assert plan(tmp_path / "x.csv", "isic2024", "isic2018").challenge.columns == ("target",)


@pytest.mark.parametrize(
    ("challenge", "task", "message"),
    [
        ("isic2017", "isic2018", "BKL is only partly what its column 'seborrheic_keratosis' asks"),
        ("isic2019", "isic2018", "no submission to isic2019 can be made"),
        ("isic2018", "malignant", "the classes of task 'malignant' .BEN, MAL., of which no sub"),
        ("isic2020", "malignant", "MAL is only partly what its column 'target' asks for"),
        ("isic2081", "isic2018", "unknown challenge 'isic2081': did you mean"),
    ],
)
def test_a_challenge_of_other_classes_is_refused(
    tmp_path: Path, challenge: str | None, task: str, message: str
):
    with pytest.raises(SkinError, match=message):
        plan(tmp_path / "x.csv", challenge, task)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SkinError, match="is a folder; name a CSV in it"):
        plan(tmp_path)
    with pytest.raises(SkinError, match="file is a file"):
        plan(tmp_path / "file" / "x.csv")
    submission = plan(tmp_path / "x.csv")
    with pytest.raises(SkinError, match="is a folder; name a CSV in it"):
        plan_cases(tmp_path, submission, PLAIN)
    with pytest.raises(SkinError, match="the submission is to be written there"):
        plan_cases(tmp_path / "file" / ".." / "x.csv", submission, PLAIN)


def test_cases_are_written_where_there_is_something_to_say(tmp_path: Path):
    submission = plan(tmp_path / "x.csv")
    assert plan_cases(None, submission, PLAIN) is None
    assert plan_cases(None, submission, SURE) == tmp_path / "x_cases.csv"
    assert plan_cases(None, submission, SETS) == tmp_path / "x_cases.csv"
    assert plan_cases(None, None, SURE) is None
    for given in (submission, None):
        assert plan_cases(tmp_path / "mine.csv", given, PLAIN) == tmp_path / "mine.csv"
