"""The trials of a study, one after another: what each draws, trains and scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import optuna
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from skin.config import Config
from skin.console import note, warn
from skin.errors import SkinError
from skin.randomness import SUGGEST, key
from skin.training.run import train_run
from skin.tuning.space import Space, settings
from skin.tuning.study import STARTUP_TRIALS, trial_run, unfinished

_MOST_FAILURES = 3  # in a row: no longer the trials' fault
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def run_trials(
    study: optuna.Study,
    objective: Callable[[optuna.Trial], float],
    count: int,
    seed: int,
    after: Callable[[], None],
) -> None:
    """Go on until `count` trials of the study are finished.

    A trial that a stopped process left is taken up first. An interrupt leaves the running trial
    to the next call. Each trial draws from a sampler of its own, keyed by the trial's number, so
    that a study which was stopped suggests what one that was not would have.

    Args:
        study: holds the trials.
        objective: trains one; raises TrialPruned where it stops early, SkinError where it fails.
        count: of all trials, those of earlier calls included.
        seed: of the sampler.
        after: called when a trial is finished.

    Raises:
        SkinError: trials fail before one of them has completed, or three times in a row.
    """
    while trial := _next_trial(study, count, seed):
        failure = None
        try:
            study.tell(trial, objective(trial))
        except optuna.TrialPruned as pruned:
            note(f"trial {trial.number} is pruned {pruned}")
            study.tell(trial, state=TrialState.PRUNED)
        except SkinError as error:
            failure = error
            trial.set_user_attr("error", str(error))
            study.tell(trial, state=TrialState.FAIL)
        after()
        if failure:
            if _hopeless(study):
                raise failure
            warn(f"trial {trial.number} failed, the study goes on: {failure}")


@dataclass(frozen=True)
class Objective:
    """Trains a trial's config and scores it: the mean over the folds of the best epoch's BACC.

    Attributes:
        base: what a trial's values are laid over.
        space: what is tuned.
        folds: the numbers of the folds.
        stride: steps of the pruner a fold, no fewer than the epochs of the longest trial.
        folder: the study's.
        data_dir: where the datasets are.
    """

    base: Config
    space: Space
    folds: tuple[int, ...]
    stride: int
    folder: Path
    data_dir: Path

    def __call__(self, trial: optuna.Trial) -> float:
        """Train, or go on training, one trial.

        Raises:
            TrialPruned: it is worse than the others were at the same epoch.
            SkinError: it cannot be trained.
        """
        config = self.space.suggest(trial, self.base)
        note(f"trial {trial.number}: {' '.join(settings(trial.params))}")
        trained = train_run(
            config,
            trial_run(self.folder, trial.number),
            ",".join(map(str, self.folds)),
            self.data_dir,
            on_epoch=partial(self._follow, trial, config.training.epochs),
        )
        return fmean(float(fold.metadata()["best_bacc"]) for fold in trained)

    def _follow(self, trial: optuna.Trial, epochs: int, fold: int, epoch: int, bacc: float) -> None:
        """Report the mean, over the folds so far, of the best epoch so far.

        The folds' bests are kept with the trial, as a training that goes on tells only of the
        epochs that are left.
        """
        best = max(bacc, trial.user_attrs.get(_attribute(fold), 0.0))
        trial.set_user_attr(_attribute(fold), best)
        position = self.folds.index(fold)
        so_far = self.folds[: position + 1]
        bests = [trial.user_attrs.get(_attribute(number), 0.0) for number in so_far]
        trial.report(fmean(bests), position * self.stride + epoch)
        ending = fold == self.folds[-1] and epoch + 1 >= epochs  # nothing is left to be saved
        if not ending and trial.should_prune():
            raise optuna.TrialPruned(f"after epoch {epoch} of fold {fold}, BACC {best:.3f}")


def _attribute(fold: int) -> str:
    return f"best_bacc_fold{fold}"


def _next_trial(study: optuna.Study, count: int, seed: int) -> optuna.Trial | None:
    """The trial that was left, a new one, or none if there are enough."""
    finished = len(study.get_trials(deepcopy=False, states=_FINISHED))
    draw = key(SUGGEST, seed, finished) % 2**32  # what NumPy's older generators take
    study.sampler = TPESampler(n_startup_trials=STARTUP_TRIALS, seed=draw)
    left = unfinished(study)
    if left:
        note(f"trial {left.number} was stopped and goes on")
        return left
    return study.ask() if finished < count else None


def _hopeless(study: optuna.Study) -> bool:
    """Whether the failures are no single trial's."""
    finished = study.get_trials(deepcopy=False, states=_FINISHED)
    good = [trial.state != TrialState.FAIL for trial in finished]
    return not any(good) or not any(good[-_MOST_FAILURES:])
