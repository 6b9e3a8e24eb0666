from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from optuna.trial import TrialState

from skin.config import Config
from skin.errors import SkinError
from skin.tuning.space import Range, Space, with_values
from skin.tuning.study import Identity, opened, trial_run, unfinished

Make = Callable[..., Identity]


def one_trial(folder: Path, identity: Identity) -> None:
    with opened(folder, identity) as study:
        trial = study.ask()
        trial.report(0.5, 0)
        study.tell(trial, 0.5)


def test_a_study_keeps_its_trials(tmp_path: Path, identity: Make):
    one_trial(tmp_path / "s", identity())
    one_trial(tmp_path / "s", identity())
    with opened(tmp_path / "s", identity()) as study:
        assert [trial.value for trial in study.get_trials()] == [0.5, 0.5]
    assert trial_run(tmp_path / "s", 3).folder == tmp_path / "s" / "trial003"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, identity: Make) -> Path:
    """A study with one trial."""
    folder = tmp_path_factory.mktemp("begun") / "s"
    one_trial(folder, identity())
    return folder


CHANGES = {
    "config": (
        {"config": with_values(Config(), {"model.dropout": 0.5})},
        "model.dropout: 0.0 -> 0.5",
    ),
    "space": ({"space": Space((Range("optimizer.lr", 1e-4, 1.0, log=True),))}, "space: "),
    "folds": ({"folds": (0, 1)}, "folds: [0] -> [0, 1]"),
    "dataset": ({"dataset_hash": "other"}, "dataset_hash: 'dataset' -> 'other'"),
    "split": ({"folds_hash": "other"}, "folds_hash: 'folds' -> 'other'"),
    "seed": ({"seed": 1}, "seed: 0 -> 1"),
    "pruner": ({"pruner": "none"}, "pruner: 'median' -> 'none'"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_study_begun_otherwise_is_refused_with_the_difference(
    begun: Path, identity: Make, case: str
):
    before = (begun / "study.json").read_bytes()
    changes, message = CHANGES[case]
    with pytest.raises(SkinError, match="was begun otherwise") as raised:
        one_trial(begun, identity(**changes))
    assert len(str(raised.value).splitlines()) == 3
    assert message in str(raised.value)
    assert (begun / "study.json").read_bytes() == before


def test_what_changes_no_result_may_change(begun: Path, identity: Make):
    other = with_values(Config(), {"runtime.device": "cpu", "description": "again"})
    turned = Space(tuple(reversed(identity().space.parameters)))
    one_trial(begun, identity(config=other, space=turned))


@pytest.mark.parametrize("text", ["{}", "[]", '{"config": {}}'])
def test_a_record_that_is_none(tmp_path: Path, identity: Make, text: str):
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(SkinError, match=r"study\.json is not a study's"):
        one_trial(tmp_path, identity())


def test_another_process_is_kept_out(begun: Path, identity: Make):
    with (
        FileLock(begun / ".lock"),
        pytest.raises(SkinError, match="is being tuned by another process"),
    ):
        one_trial(begun, identity())


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, identity: Make):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SkinError, match="is no study"):
        one_trial(tmp_path, identity())
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "study.db").exists()


def test_a_mistake_before_the_first_score_leaves_nothing(tmp_path: Path, identity: Make):
    folder = tmp_path / "s"
    with pytest.raises(SkinError, match="wrong"), opened(folder, identity()):
        raise SkinError("wrong")
    assert not folder.exists()
    one_trial(folder, identity())
    with pytest.raises(SkinError, match="wrong"), opened(folder, identity()):
        raise SkinError("wrong")
    assert json.loads((folder / "study.json").read_text())["seed"] == 0


def test_a_running_trial_is_given_back_as_it_was(tmp_path: Path, identity: Make):
    with opened(tmp_path / "s", identity()) as study:
        assert unfinished(study) is None
        study.tell(study.ask(), 0.1)
        trial = study.ask()
        value = trial.suggest_float("x", 0, 1)
        trial.report(0.3, 0)
    with opened(tmp_path / "s", identity()) as study:
        left = unfinished(study)
        assert left is not None
        assert (left.number, left.suggest_float("x", 0, 1)) == (1, value)
        study.tell(left, state=TrialState.PRUNED)
        assert unfinished(study) is None
        assert study.get_trials()[1].value == 0.3
