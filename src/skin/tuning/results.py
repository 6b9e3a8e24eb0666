"""What a study found: a table of its trials, the best one, and what that is worth."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState
from rich import box
from rich.markup import escape
from rich.table import Table

from skin.errors import name_some
from skin.files import replacing
from skin.tuning.space import settings
from skin.tuning.study import trial_run

_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "unfinished",
}
_MOST_ROWS = 15
_HEADINGS = {"bacc": "BACC", "seconds": "s"}
_HEAVY = ("best.safetensors", "last.safetensors", "checkpoint.pt")


@dataclass(frozen=True)
class Outcome:
    """The end of a study.

    Attributes:
        folder: the study's.
        table: a row a trial, see `trials_table`.
        best: the completed trial with the highest score; none if none completed.
        folds: the numbers that trials were scored on.
        others: the numbers of the other folds.
        apart: whether trials were scored on a validation part that is not the held-out one.
        leaking: whether lesions were on both sides.
    """

    folder: Path
    table: pd.DataFrame
    best: FrozenTrial | None
    folds: tuple[int, ...]
    others: tuple[int, ...]
    apart: bool
    leaking: bool


def best_trial(study: optuna.Study) -> FrozenTrial | None:
    """The completed trial with the highest score, the first of equals."""
    completed = study.get_trials(states=(TrialState.COMPLETE,))
    return max(completed, key=lambda trial: trial.value or 0.0, default=None)


def trials_table(study: optuna.Study, keys: Sequence[str], folder: Path) -> pd.DataFrame:
    """A row a trial that was begun, in order.

    Columns: `trial`, `state`, `bacc` (of a pruned trial, when it was stopped; none of a failed
    one), the tuned keys, `epochs` and `seconds` over all folds, `error`.
    """
    rows = []
    for trial in study.get_trials(states=tuple(_STATES)):
        epochs, seconds = _cost(folder, trial.number)
        rows.append(
            {
                "trial": trial.number,
                "state": _STATES[trial.state],
                "bacc": trial.value if trial.state.is_finished() else None,
                **{key: trial.params.get(key) for key in keys},
                "epochs": epochs,
                "seconds": seconds,
                "error": trial.user_attrs.get("error", ""),
            }
        )
    columns = ["trial", "state", "bacc", *keys, "epochs", "seconds", "error"]
    return pd.DataFrame(rows, columns=columns)


def save_table(table: pd.DataFrame, path: Path) -> None:
    """Write the trials as CSV."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False)


def keep_best_weights(study: optuna.Study, folder: Path) -> None:
    """Remove the weights of all finished trials but the best; the rest of their runs stays."""
    best = best_trial(study)
    for trial in study.get_trials(deepcopy=False):
        if trial.state.is_finished() and (best is None or trial.number != best.number):
            for fold in trial_run(folder, trial.number).folds():
                for name in _HEAVY:
                    (fold.folder / name).unlink(missing_ok=True)


def rich_table(outcome: Outcome) -> Table:
    """The trials, best first: those that completed, were pruned, and failed."""
    table = Table(
        title=f"{outcome.folder.name}: trials, best first", box=box.SIMPLE, padding=(0, 1, 0, 0)
    )
    ranked = outcome.table.assign(order=outcome.table["state"].map(list(_STATES.values()).index))
    ranked = ranked.sort_values(["order", "bacc"], ascending=[True, False], kind="stable")
    names = [name for name in outcome.table.columns if name != "error"]
    for name in names:
        text = name == "state" or not pd.api.types.is_numeric_dtype(outcome.table[name])
        heading = _HEADINGS.get(name, escape(name).replace(".", ".\n").replace("_", "_\n"))
        table.add_column(
            heading,
            justify="left" if text else "right",
            no_wrap=name in {"trial", "state", "bacc"},
            overflow="fold",
        )
    for row in ranked.head(_MOST_ROWS)[names].to_dict("records"):
        table.add_row(*(_cell(str(name), value) for name, value in row.items()))
    if len(ranked) > _MOST_ROWS:
        table.caption = f"and {len(ranked) - _MOST_ROWS} more in trials.csv"
    return table


def caveat(outcome: Outcome) -> str:
    """How far the best score can be trusted."""
    if outcome.best is None:
        return "no trial completed: there is nothing to compare"
    looks = int(outcome.table["state"].isin(["complete", "pruned"]).sum())
    seen = f"fold{'s' if len(outcome.folds) > 1 else ''} {name_some(outcome.folds, most=20)}"
    text = (
        f"BACC {outcome.best.value:.3f} of trial {outcome.best.number} is the best of {looks} "
        f"looks at the same images ({seen}), each at its best epoch: it is optimistic, and small "
        "differences in the table are chance. "
    )
    if outcome.leaking:
        text += "The folds leak: lesions are on both sides, which flatters every trial. "
    if outcome.apart:
        return text + "Confirm it on the held-out part, which no trial was chosen by"
    if outcome.others:
        where = name_some(outcome.others, most=20)
        return text + f"Confirm it on images that no trial was chosen by: the other folds ({where})"
    return text + "Every fold was looked at: confirm it on other images, as a test set"


def train_command(config: str, base_words: Sequence[str], outcome: Outcome) -> str | None:
    """The command that trains the best trial's settings on all folds; none without a best trial.

    Args:
        config: as the user named it.
        base_words: the options of the base that `skin train` takes as well.
        outcome: the study's.
    """
    if outcome.best is None:
        return None
    words = ["skin", "train", "--config", config, *base_words]
    words += ["--name", f"{outcome.folder.name}_tuned", "--fold", "all"]
    for setting in settings(outcome.best.params):
        words += ["--set", setting]
    return shlex.join(words)


def _cost(folder: Path, number: int) -> tuple[int, float]:
    """The epochs that a trial trained, and the seconds they took."""
    epochs, seconds = 0, 0.0
    for fold in trial_run(folder, number).folds():
        if (fold.folder / "history.csv").exists():
            history = fold.history()
            epochs += len(history)
            seconds += float(history["seconds"].sum())
    return epochs, round(seconds, 3)


def _cell(name: str, value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "-"
    if name in {"bacc", "seconds"}:
        return f"{value:.3f}" if name == "bacc" else f"{value:.0f}"
    return f"{value:.3g}" if isinstance(value, float) else escape(str(value))
