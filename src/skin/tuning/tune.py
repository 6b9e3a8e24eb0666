"""A search from its options to its results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import optuna

from skin.config import Config
from skin.console import note
from skin.models.build import build_model
from skin.training.optimizer import build_optimizer
from skin.training.plan import Experiment, plan_fold, resolve
from skin.training.run import parse_folds
from skin.tuning.figure import save_figure
from skin.tuning.results import (
    Outcome,
    best_trial,
    keep_best_weights,
    save_table,
    trials_table,
)
from skin.tuning.space import Choice, Parameter, Space, default_parameters, with_values
from skin.tuning.study import Identity, Pruner, opened
from skin.tuning.trials import Objective, run_trials

_WITH_VALIDATION = 3  # parts of a holdout


def tune(
    config: Config,
    folder: Path,
    parameters: Sequence[Parameter],
    folds: str,
    data_dir: Path,
    *,
    trials: int = 20,
    seed: int = 0,
    pruner: Pruner = "median",
) -> Outcome:
    """Search for the values with the best validation BACC, or go on with the search.

    Leaves in the folder a run for each trial, `trials.csv` and the figure, which are up to date
    after each trial, and the weights of the best trial only: all that can be learnt from the
    others is in their tables, and a study of 50 ResNet-50s would take 10 GB.

    Args:
        config: the base of all trials.
        folder: the study's.
        parameters: what is tuned; if empty, batch size, kind of loss and learning rate.
        folds: `all`, or numbers and ranges as `0` or `0,1`; the score is the mean over them.
        data_dir: where the datasets are.
        trials: how many in all, with those of earlier calls.
        seed: of the search; the trainings have the config's.
        pruner: what stops a trial early.

    Raises:
        SkinError: the space, the folds or the config are wrong, the study was begun otherwise or
            is being tuned by another process, or its trials fail.
    """
    if not parameters:
        parameters = default_parameters(config)
        listed = ", ".join(map(str, parameters))
        note(f"neither --range nor --choice is given: comparing {listed}")
    space = Space.of(parameters, config)
    longest = max(corner.training.epochs for corner in space.corners(config))
    experiment = resolve(config, data_dir)
    numbers = tuple(parse_folds(folds, experiment.folds.k))
    _try_out(experiment, space, numbers[0])
    identity = _identity(experiment, space, numbers, seed, pruner)
    objective = Objective(experiment.config, space, numbers, longest, folder, data_dir)
    with opened(folder, identity) as study:
        _begin_with_own_values(study, space, config)

        def save() -> None:
            keep_best_weights(study, folder)
            table = trials_table(study, [p.key for p in space.parameters], folder)
            save_table(table, folder / "trials.csv")
            save_figure(table, space.parameters, folder)

        save()  # what a killed process left out
        run_trials(study, objective, trials, seed, save)
        table = trials_table(study, [p.key for p in space.parameters], folder)
        others = tuple(sorted(set(range(experiment.folds.k)) - set(numbers)))
        return Outcome(
            folder,
            table,
            best_trial(study),
            numbers,
            others,
            apart=len(experiment.folds.info.holdout) == _WITH_VALIDATION,
            leaking=experiment.folds.leaking,
        )


def _try_out(experiment: Experiment, space: Space, fold: int) -> None:
    """Build what the choices name, which the schema cannot check, before anything is trained.

    Each choice is tried once, the other keys at their first values. Nothing is downloaded.
    """
    base = next(space.corners(experiment.config))
    for choice in space.parameters:
        section = choice.key.partition(".")[0]
        for value in choice.corners if isinstance(choice, Choice) else ():
            config = with_values(base, {choice.key: value})
            if section in {"data", "augment", "balance"}:
                plan_fold(replace(experiment, config=config), fold)
            elif section in {"model", "optimizer"}:
                model = build_model(config, pretrained=config.model.weights is not None)
                build_optimizer(config.optimizer, model)


def _identity(
    experiment: Experiment, space: Space, folds: tuple[int, ...], seed: int, pruner: Pruner
) -> Identity:
    return Identity(
        experiment.config,
        space,
        folds,
        experiment.dataset.hash,
        experiment.folds.hash,
        seed,
        pruner,
    )


def _begin_with_own_values(study: optuna.Study, space: Space, config: Config) -> None:
    """Let the first trial be the config as it is, where the space holds it."""
    own = space.parameters_of(config)
    if own and not study.get_trials(deepcopy=False):
        study.enqueue_trial(own)
        note("trial 0 has the config's own values")
