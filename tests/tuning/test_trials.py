"""The loop over trials, with objectives that train nothing."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from skin.config import Config
from skin.errors import SkinError
from skin.tuning.space import Space, with_values
from skin.tuning.study import STARTUP_TRIALS, Identity, opened
from skin.tuning.trials import Objective, run_trials

Make = Callable[..., Identity]
EPOCHS = 4


def score(trial: optuna.Trial, space: Space) -> float:
    """Best at a learning rate of 1e-3, and with focal loss."""
    config = space.suggest(trial, Config())
    penalty = 0.0 if config.loss.kind == "focal" else 0.1
    return 0.8 - penalty - 0.1 * abs(math.log10(config.optimizer.lr) + 3)


def search(folder: Path, identity: Identity, count: int, **changes: object) -> list[tuple]:
    """Run trials, and give number, state, parameters and value of each."""
    options: dict = {
        "objective": lambda trial: score(trial, identity.space),
        "count": count,
        "seed": identity.seed,
        "after": lambda: None,
    }
    with opened(folder, identity) as study:
        run_trials(study, **(options | changes))
        return table(study)


def table(study: optuna.Study) -> list[tuple]:
    return [(t.number, t.state.name, t.params, t.value) for t in study.get_trials()]


def test_the_count_is_of_all_calls(tmp_path: Path, identity: Make):
    told: list[None] = []
    assert len(search(tmp_path / "s", identity(), 3, after=lambda: told.append(None))) == 3
    assert len(search(tmp_path / "s", identity(), 5, after=lambda: told.append(None))) == 5
    assert len(search(tmp_path / "s", identity(), 4, after=lambda: told.append(None))) == 5
    assert len(told) == 5


def test_no_suggestion_is_repeated_and_a_pause_changes_none(tmp_path: Path, identity: Make):
    whole = search(tmp_path / "whole", identity(), 9)
    for count in (2, 3, 7, 9):
        parts = search(tmp_path / "parts", identity(), count)
    assert parts == whole
    assert len({params["optimizer.lr"] for _, _, params, _ in whole}) == 9
    other = search(tmp_path / "other", identity(seed=1), 2)
    assert {p["optimizer.lr"] for _, _, p, _ in other}.isdisjoint(
        p["optimizer.lr"] for _, _, p, _ in whole
    )


def test_a_stopped_trial_is_taken_up_with_its_values(tmp_path: Path, identity: Make):
    stopped: list[dict] = []

    def interrupted(trial: optuna.Trial) -> float:
        value = score(trial, identity().space)
        if trial.number == 2:
            stopped.append(trial.params)
            raise KeyboardInterrupt
        return value

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "s", identity(), 5, objective=interrupted)
    found = search(tmp_path / "s", identity(), 5)
    assert found[2] == (2, "COMPLETE", stopped[0], pytest.approx(found[2][3]))
    assert found == search(tmp_path / "whole", identity(), 5)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_is_no_mistake_of_the_user_leaves_the_trial_running(
    tmp_path: Path, identity: Make, error: type[BaseException]
):
    def broken(_trial: optuna.Trial) -> float:
        raise error

    with pytest.raises(error), opened(tmp_path / "s", identity()) as study:
        run_trials(study, broken, 3, 0, lambda: None)
    with opened(tmp_path / "s", identity()) as study:
        assert [trial.state.name for trial in study.get_trials()] == ["RUNNING"]


def test_a_failing_trial_does_not_end_the_study(
    tmp_path: Path, identity: Make, capsys: pytest.CaptureFixture[str]
):
    def sometimes(trial: optuna.Trial) -> float:
        if trial.number in {1, 2}:
            raise SkinError("the loss became nan")
        return score(trial, identity().space)

    found = search(tmp_path / "s", identity(), 4, objective=sometimes)
    assert [state for _, state, _, _ in found] == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert "trial 1 failed, the study goes on: the loss became nan" in capsys.readouterr().err


@pytest.mark.parametrize(("failing", "trials"), [({0}, 1), ({1, 2, 3}, 4)])
def test_failures_that_are_no_trials_own_end_it(
    tmp_path: Path, identity: Make, failing: set[int], trials: int
):
    def often(trial: optuna.Trial) -> float:
        value = score(trial, identity().space)
        trial.report(value, 0)
        if trial.number in failing:
            raise SkinError("no space left")
        return value

    with pytest.raises(SkinError, match="no space left"):
        search(tmp_path / "s", identity(), 9, objective=often)
    with opened(tmp_path / "s", identity()) as study:
        assert len(study.get_trials()) == trials
        assert study.get_trials()[-1].user_attrs["error"] == "no space left"


def test_the_search_finds_what_is_good(tmp_path: Path, identity: Make):
    """Thirty trials come nearer than the first five, which are random."""
    values = [value for _, _, _, value in search(tmp_path / "s", identity(), 30)]
    assert max(values) > max(values[:STARTUP_TRIALS])
    assert max(values) > 0.78


def test_nothing_of_optuna_is_said(
    tmp_path: Path, identity: Make, capfd: pytest.CaptureFixture[str]
):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search(tmp_path / "s", identity(), 8)
        search(tmp_path / "s", identity(), 9)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def follower(identity: Identity, folder: Path, folds: tuple[int, ...] = (0,)) -> Objective:
    return Objective(identity.config, identity.space, folds, EPOCHS, folder, folder)


def train(objective: Objective, trial: optuna.Trial, curves: dict[int, list[float]]) -> float:
    """Tell of epochs as a training does."""
    for fold, curve in curves.items():
        for epoch, bacc in enumerate(curve):
            objective._follow(trial, EPOCHS, fold, epoch, bacc)  # noqa: SLF001
    return sum(max(curve) for curve in curves.values()) / len(curves)


CURVES = [[0.3, 0.5, 0.6, 0.7]] * STARTUP_TRIALS


@pytest.mark.parametrize(
    ("curve", "epochs"),
    [
        ([0.1, 0.4, 0.5, 0.6], 2),  # below the median at once; the first epoch is left alone
        ([0.4, 0.55, 0.5, 0.7], 3),  # its best of 0.55 is below 0.6
        ([0.6, 0.2, 0.2, 0.6], 4),  # its best of 0.6 is not below 0.6, and at the end nothing is
        ([0.3, 0.5, 0.6, 0.7], 4),
    ],
)
def test_what_is_below_the_median_is_pruned(
    tmp_path: Path, identity: Make, curve: list[float], epochs: int
):
    config = with_values(Config(), {"training.epochs": EPOCHS})
    objective = follower(identity(config=config), tmp_path)
    curves = [*CURVES, curve]
    found = []

    with opened(tmp_path / "s", identity(config=config)) as study:
        run_trials(
            study,
            lambda trial: train(objective, trial, {0: curves[trial.number]}),
            len(curves),
            0,
            lambda: None,
        )
        found = study.get_trials()
    assert [trial.state.name for trial in found[:-1]] == ["COMPLETE"] * STARTUP_TRIALS
    assert len(found[-1].intermediate_values) == epochs
    assert found[-1].state.name == ("COMPLETE" if epochs == EPOCHS else "PRUNED")
    assert found[-1].value == max(curve[:epochs])


def test_without_a_pruner_nothing_is_pruned(tmp_path: Path, identity: Make):
    objective = follower(identity(), tmp_path)
    curves = [*CURVES, [0.1] * EPOCHS]
    states = search(
        tmp_path / "s",
        identity(pruner="none"),
        len(curves),
        objective=lambda trial: train(objective, trial, {0: curves[trial.number]}),
    )
    assert {state for _, state, _, _ in states} == {"COMPLETE"}


def test_several_folds_are_averaged_as_far_as_they_came(tmp_path: Path, identity: Make):
    """Steps are 0 to 3 for the first fold, 4 to 7 for the second; values by hand."""
    objective = follower(identity(), tmp_path, (0, 2))
    with opened(tmp_path / "s", identity()) as study:
        trial = study.ask()
        train(objective, trial, {0: [0.25, 0.5, 0.25], 2: [0.75, 0.5, 1.0, 0.5]})
        reported = study.get_trials()[0].intermediate_values
    assert reported == {0: 0.25, 1: 0.5, 2: 0.5, 4: 0.625, 5: 0.625, 6: 0.75, 7: 0.75}


def test_the_best_so_far_outlives_the_process(tmp_path: Path, identity: Make):
    objective = follower(identity(), tmp_path)
    with opened(tmp_path / "s", identity()) as study:
        train(objective, study.ask(), {0: [0.5]})
    seen: list[float] = []

    def rest(trial: optuna.Trial) -> float:
        objective._follow(trial, EPOCHS, 0, 1, 0.25)  # noqa: SLF001
        seen.extend(trial.study.get_trials()[0].intermediate_values.values())
        return 0.5

    search(tmp_path / "s", identity(), 1, objective=rest)
    assert seen == [0.5, 0.5]
