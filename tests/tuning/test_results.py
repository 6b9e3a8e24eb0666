from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import optuna
import pandas as pd
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from rich.console import Console

from skin.tuning.figure import draw, save_figure
from skin.tuning.results import (
    Outcome,
    best_trial,
    caveat,
    keep_best_weights,
    rich_table,
    train_command,
    trials_table,
)
from skin.tuning.space import Choice, Range
from skin.tuning.study import trial_run

LR, LOSS = "optimizer.lr", "loss.kind"
PARAMETERS = (Range(LR, 1e-4, 1e-2, log=True), Choice(LOSS, ("cross_entropy", "focal")))
HEADER = "epoch,stage,lr,train_loss,valid_loss,valid_bacc,valid_accuracy,images_per_s,seconds\n"


def finished(lr: float, loss: str, value: float | None, state: str) -> optuna.trial.FrozenTrial:
    return create_trial(
        state=TrialState[state],
        value=value,
        params={LR: lr, LOSS: loss},
        distributions={
            LR: FloatDistribution(1e-4, 1e-2, log=True),
            LOSS: CategoricalDistribution(PARAMETERS[1].texts),
        },
        user_attrs={"error": "the loss became nan"} if state == "FAIL" else {},
    )


@pytest.fixture
def study() -> optuna.Study:
    """Five trials: the second is the best, the third pruned, the fourth failed, the last equal."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            finished(3e-4, "cross_entropy", 0.61, "COMPLETE"),
            finished(1.25e-3, "focal", 0.72, "COMPLETE"),
            finished(1e-4, "focal", 0.35, "PRUNED"),
            finished(1e-2, "cross_entropy", None, "FAIL"),
            finished(2e-3, "focal", 0.72, "COMPLETE"),
        ]
    )
    return study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The runs of two of them: two epochs of 10 and 12.5 seconds, and one of 3 seconds."""
    for number, seconds in ((1, (10, 12.5)), (2, (3,))):
        fold = trial_run(tmp_path, number).fold(0).folder
        fold.mkdir(parents=True)
        rows = [f"{epoch},all,1e-3,1,1,0.5,0.5,9,{s}\n" for epoch, s in enumerate(seconds)]
        (fold / "history.csv").write_text(HEADER + "".join(rows))
        for name in ("best.safetensors", "last.safetensors", "checkpoint.pt", "oof.csv"):
            (fold / name).touch()
    return tmp_path


def outcome(study: optuna.Study, folder: Path, **changes: object) -> Outcome:
    table = trials_table(study, [LR, LOSS], folder)
    fields = {
        "best": best_trial(study),
        "folds": (0,),
        "others": (1, 2),
        "apart": False,
        "leaking": False,
    }
    return Outcome(folder, table, **fields | changes)


def test_the_table_says_what_happened(study: optuna.Study, folder: Path):
    table = trials_table(study, [LR, LOSS], folder)
    assert list(table) == ["trial", "state", "bacc", LR, LOSS, "epochs", "seconds", "error"]
    assert table["state"].tolist() == ["complete", "complete", "pruned", "failed", "complete"]
    assert table.loc[1].tolist() == [1, "complete", 0.72, 1.25e-3, "focal", 2, 22.5, ""]
    assert table.loc[2, ["bacc", "epochs", "seconds"]].tolist() == [0.35, 1, 3]
    assert pd.isna(table.loc[3, "bacc"])
    assert table.loc[3, "error"] == "the loss became nan"


def test_a_trial_that_runs_still_is_in_the_table(study: optuna.Study, folder: Path):
    study.ask().report(0.9, 0)
    study.enqueue_trial({LR: 1e-3, LOSS: "focal"})  # not begun
    assert len(trials_table(study, [LR, LOSS], folder)) == 6
    last = trials_table(study, [LR, LOSS], folder).loc[5]
    assert last["state"] == "unfinished"
    assert last[["bacc", LR, LOSS]].isna().all()


def test_the_first_of_equals_is_the_best(study: optuna.Study):
    best = best_trial(study)
    assert best is not None
    assert best.number == 1
    assert best_trial(optuna.create_study()) is None


def test_only_the_best_keeps_its_weights(study: optuna.Study, folder: Path):
    keep_best_weights(study, folder)
    left = {
        number: sorted(path.name for path in trial_run(folder, number).fold(0).folder.iterdir())
        for number in (1, 2)
    }
    assert left[1] == [
        "best.safetensors",
        "checkpoint.pt",
        "history.csv",
        "last.safetensors",
        "oof.csv",
    ]
    assert left[2] == ["history.csv", "oof.csv"]


def test_a_running_trial_keeps_its_checkpoint(study: optuna.Study, folder: Path):
    number = study.ask().number
    fold = trial_run(folder, number).fold(0).folder
    fold.mkdir(parents=True)
    (fold / "checkpoint.pt").touch()
    keep_best_weights(study, folder)
    assert (fold / "checkpoint.pt").exists()


def lines(study: optuna.Study, folder: Path) -> list[list[str]]:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(rich_table(outcome(study, folder)))
    rows = [line.split() for line in captured.get().splitlines()]
    return [row for row in rows if row and row[0].isdecimal()]


def test_the_best_stands_on_top(study: optuna.Study, folder: Path):
    found = lines(study, folder)
    assert [row[0] for row in found] == ["1", "4", "0", "2", "3"]
    assert found[0] == ["1", "complete", "0.720", "0.00125", "focal", "2", "22"]
    assert found[-1][1:3] == ["failed", "-"]


def test_a_long_study_is_cut(study: optuna.Study, folder: Path):
    study.add_trials([finished(1e-3, "focal", 0.5, "COMPLETE")] * 15)
    assert len(lines(study, folder)) == 15
    assert rich_table(outcome(study, folder)).caption == "and 5 more in trials.csv"


def test_the_caveat_counts_the_looks(study: optuna.Study, folder: Path):
    text = caveat(outcome(study, folder))
    assert text.startswith(
        "BACC 0.720 of trial 1 is the best of 4 looks at the same images (fold 0)"
    )
    assert "optimistic" in text
    assert text.endswith("the other folds (1, 2)")
    all_seen = caveat(outcome(study, folder, folds=(0, 1), others=()))
    assert "(folds 0, 1)" in all_seen
    assert all_seen.endswith("on other images, as a test set")
    assert caveat(outcome(study, folder, best=None)) == (
        "no trial completed: there is nothing to compare"
    )


def test_the_command_can_be_pasted(study: optuna.Study, folder: Path):
    base = ["--set", "balance=[{step: tomek}]"]
    assert train_command("resnet50", base, outcome(study, folder)) == (
        "skin train --config resnet50 --set 'balance=[{step: tomek}]' "
        f"--name {folder.name}_tuned --fold all "
        "--set optimizer.lr=0.00125 --set loss.kind=focal"
    )
    assert train_command("resnet50", [], outcome(study, folder, best=None)) is None


def test_the_figure_shows_the_trials(study: optuna.Study, folder: Path):
    """The running best, by hand: 0.61, 0.72, and 0.72 again."""
    history, rates, losses = draw(outcome(study, folder).table, PARAMETERS).axes
    drawn = {line.get_label(): line for line in history.lines}
    assert list(drawn["best so far"].get_xdata()) == [0, 1, 4]
    assert list(drawn["best so far"].get_ydata()) == [0.61, 0.72, 0.72]
    assert list(drawn["complete"].get_ydata()) == [0.61, 0.72, 0.72]
    assert list(drawn["pruned, score then"].get_ydata()) == [0.35]
    assert rates.get_xscale() == "log"
    assert list(rates.lines[0].get_xdata()) == [3e-4, 1.25e-3, 2e-3]
    assert [label.get_text() for label in losses.get_xticklabels()] == ["cross_entropy", "focal"]
    assert [round(x) for x in losses.lines[0].get_xdata()] == [0, 1, 1]
    assert [axes.get_xlabel() for axes in (history, rates, losses)] == ["trial", LR, LOSS]


def test_the_figure_is_a_picture_and_the_same_each_time(study: optuna.Study, folder: Path):
    table = outcome(study, folder).table
    save_figure(table, PARAMETERS, folder)
    first = (folder / "figure.svg").read_bytes()
    save_figure(table, PARAMETERS, folder)
    assert (folder / "figure.svg").read_bytes() == first
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert b"optimizer.lr" in first


def test_a_study_without_trials_can_be_drawn(folder: Path):
    table = trials_table(optuna.create_study(), [LR, LOSS], folder)
    save_figure(table, PARAMETERS, folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"apart": True}, "Confirm it on the held-out part, which no trial was chosen by"),
        ({"leaking": True}, "The folds leak: lesions are on both sides"),
        ({"others": ()}, "confirm it on other images"),
    ],
)
def test_the_caveat_follows_the_protocol(
    study: optuna.Study, folder: Path, changes: dict[str, object], words: str
):
    assert words in caveat(outcome(study, folder, **changes))


def test_values_in_brackets_are_shown(study: optuna.Study, folder: Path):
    table = trials_table(study, [LR, LOSS], folder)
    table[LOSS] = "[conv1, bn1]"
    shown = Console(width=120, file=StringIO())
    shown.print(rich_table(replace(outcome(study, folder), table=table)))
    assert "[conv1, bn1]" in shown.file.getvalue()
