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
from skin.tuning.space import Choice, Range, Space, with_values
from skin.tuning.study import STARTUP_TRIALS, Identity, build_pruner, opened, unfinished
from skin.tuning.trials import Objective, run_trials

Make = Callable[..., Identity]
Fake = Callable[[optuna.Trial], float]
EPOCHS = 4
SPACE = Space(
    (Range("optimizer.lr", 1e-4, 1e-2, log=True), Choice("loss.kind", ("cross_entropy", "focal")))
)


@pytest.fixture
def study() -> optuna.Study:
    """A study that is nowhere on disk; what is to be kept there `test_study` shows."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize")


def score(trial: optuna.Trial) -> float:
    """Best at a learning rate of 1e-3, and with focal loss."""
    config = SPACE.suggest(trial, Config())
    penalty = 0.0 if config.loss.kind == "focal" else 0.1
    return 0.8 - penalty - 0.1 * abs(math.log10(config.optimizer.lr) + 3)


def search(study: optuna.Study, count: int, objective: Fake = score, seed: int = 0) -> list[tuple]:
    """Run trials, and give number, state, parameters and value of each."""
    run_trials(study, objective, count, seed, lambda: None)
    return [(t.number, t.state.name, t.params, t.value) for t in study.get_trials()]


def fresh() -> optuna.Study:
    return optuna.create_study(direction="maximize")


def test_the_count_is_of_all_calls(study: optuna.Study):
    told: list[None] = []
    for count, expected in ((3, 3), (5, 5), (4, 5)):
        run_trials(study, score, count, 0, lambda: told.append(None))
        assert len(study.get_trials()) == len(told) == expected


def test_no_suggestion_is_repeated_and_a_pause_changes_none(study: optuna.Study):
    whole = search(study, 9)
    paused = fresh()
    for count in (2, 3, 7, 9):
        parts = search(paused, count)
    assert parts == whole
    rates = {params["optimizer.lr"] for _, _, params, _ in whole}
    assert len(rates) == 9
    assert rates.isdisjoint(p["optimizer.lr"] for _, _, p, _ in search(fresh(), 2, seed=1))


def test_a_stopped_trial_is_taken_up_with_its_values(study: optuna.Study):
    stopped: list[dict[str, object]] = []

    def interrupted(trial: optuna.Trial) -> float:
        value = score(trial)
        if trial.number == 2:
            stopped.append(trial.params)
            raise KeyboardInterrupt
        return value

    with pytest.raises(KeyboardInterrupt):
        search(study, 5, interrupted)
    found = search(study, 5)
    assert found[2][1:3] == ("COMPLETE", stopped[0])
    assert found == search(fresh(), 5)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_is_no_mistake_of_the_user_leaves_the_trial_running(
    study: optuna.Study, error: type[BaseException]
):
    def broken(_trial: optuna.Trial) -> float:
        raise error

    with pytest.raises(error):
        search(study, 3, broken)
    assert [trial.state.name for trial in study.get_trials()] == ["RUNNING"]


def failing_at(*numbers: int) -> Fake:
    def objective(trial: optuna.Trial) -> float:
        if trial.number in numbers:
            raise SkinError("the loss became nan")
        return score(trial)

    return objective


def test_a_failing_trial_does_not_end_the_study(
    study: optuna.Study, capsys: pytest.CaptureFixture[str]
):
    found = search(study, 4, failing_at(1, 2))
    assert [state for _, state, _, _ in found] == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert study.get_trials()[2].user_attrs["error"] == "the loss became nan"
    assert "trial 1 failed, the study goes on: the loss became nan" in capsys.readouterr().err


@pytest.mark.parametrize(("numbers", "trials"), [((0,), 1), ((1, 2, 3), 4), ((1, 3, 4, 5), 6)])
def test_failures_that_are_no_trials_own_end_it(
    study: optuna.Study, numbers: tuple[int, ...], trials: int
):
    with pytest.raises(SkinError, match="the loss became nan"):
        search(study, 9, failing_at(*numbers))
    assert len(study.get_trials()) == trials


def test_the_search_finds_what_is_good(study: optuna.Study):
    """Trials after the first five, which are random, come nearer to the best there is, 0.8."""
    values = [value for _, _, _, value in search(study, 30)]
    assert max(values) > max(values[:STARTUP_TRIALS])
    assert max(values) > 0.78


def test_nothing_of_optuna_is_said(
    tmp_path: Path, identity: Make, capfd: pytest.CaptureFixture[str]
):
    for count in (8, 9):
        with (
            warnings.catch_warnings(action="error"),
            opened(tmp_path / "s", identity()) as study,
        ):
            search(study, count)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def follower(folds: tuple[int, ...] = (0,)) -> Objective:
    return Objective(Config(), SPACE, folds, EPOCHS, Path(), Path())


def train(objective: Objective, trial: optuna.Trial, curves: dict[int, list[float]]) -> float:
    """Tell of epochs as a training does."""
    for fold, curve in curves.items():
        for epoch, bacc in enumerate(curve):
            objective._follow(trial, EPOCHS, fold, epoch, bacc)  # noqa: SLF001 - what training calls
    return sum(max(curve) for curve in curves.values()) / len(curves)


def trained(curves: list[list[float]]) -> Fake:
    return lambda trial: train(follower(), trial, {0: curves[trial.number]})


CURVES = [[0.3, 0.5, 0.6, 0.7]] * STARTUP_TRIALS


@pytest.mark.parametrize(
    ("curve", "epochs"),
    [
        ([0.1, 0.4, 0.5, 0.6], 2),  # below the median at once; the first epoch is left alone
        ([0.4, 0.55, 0.5, 0.7], 3),  # its best of 0.55 is below 0.6
        ([0.6, 0.2, 0.2, 0.6], 4),  # its best of 0.6 is not below 0.6, and the end is no time
        ([0.3, 0.5, 0.6, 0.7], 4),
    ],
)
def test_what_is_below_the_median_is_pruned(
    study: optuna.Study, identity: Make, curve: list[float], epochs: int
):
    config = with_values(Config(), {"training.epochs": EPOCHS})
    study.pruner = build_pruner(identity(config=config))
    search(study, STARTUP_TRIALS + 1, trained([*CURVES, curve]))
    *others, last = study.get_trials()
    assert [trial.state.name for trial in others] == ["COMPLETE"] * STARTUP_TRIALS
    assert len(last.intermediate_values) == epochs
    assert last.state.name == ("COMPLETE" if epochs == EPOCHS else "PRUNED")
    assert last.value == max(curve[:epochs])


def test_the_first_trials_are_not_pruned(study: optuna.Study, identity: Make):
    study.pruner = build_pruner(identity(config=with_values(Config(), {"training.epochs": EPOCHS})))
    falling = [[0.9 - 0.1 * number] * EPOCHS for number in range(STARTUP_TRIALS)]
    found = search(study, STARTUP_TRIALS, trained(falling))
    assert {state for _, state, _, _ in found} == {"COMPLETE"}


def test_without_a_pruner_nothing_is_pruned(study: optuna.Study, identity: Make):
    study.pruner = build_pruner(identity(pruner="none"))
    found = search(study, STARTUP_TRIALS + 1, trained([*CURVES, [0.1] * EPOCHS]))
    assert {state for _, state, _, _ in found} == {"COMPLETE"}


def test_several_folds_are_averaged_as_far_as_they_came(study: optuna.Study):
    """Steps are 0 to 3 for the first fold, 4 to 7 for the second; values by hand."""
    train(follower((0, 2)), study.ask(), {0: [0.25, 0.5, 0.25], 2: [0.75, 0.5, 1.0, 0.5]})
    reported = study.get_trials()[0].intermediate_values
    assert reported == {0: 0.25, 1: 0.5, 2: 0.5, 4: 0.625, 5: 0.625, 6: 0.75, 7: 0.75}


def test_the_best_so_far_outlives_the_process(study: optuna.Study):
    train(follower(), study.ask(), {0: [0.5]})
    left = unfinished(study)
    assert left is not None
    follower()._follow(left, EPOCHS, 0, 1, 0.25)  # noqa: SLF001 - what training calls
    assert study.get_trials()[0].intermediate_values == {0: 0.5, 1: 0.5}
